/** The tus protocol 1.0.0 through gateway: what a client of the simulated edge sees. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { UPLOAD_NOTE_LENGTH_MAX } from "#actors/domain/upload.ts";
import type { GatewayConfig } from "#actors/gateway/config.ts";
import type { SimulatedAnswer } from "#runtime/simulated/edge.ts";
import { MemorySource } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const hello = Buffer.from("hello, tus");
const piece = "application/offset+octet-stream";

type Headers = Record<string, string>;

async function opened(config: Partial<GatewayConfig> = {}) {
  const gateway = await openSimulated({ config });
  const ask = (method: string, target: string, headers: Headers = {}, body?: Uint8Array): Promise<SimulatedAnswer> =>
    send(gateway.edge, {
      method,
      target,
      headers: { "tus-resumable": "1.0.0", ...headers },
      ...(body === undefined ? {} : { body: new MemorySource(body, 3), contentLength: body.length }),
    });
  const begin = (headers: Headers = {}, body?: Uint8Array) =>
    ask("POST", "/uploads", { "upload-length": String(hello.length), ...headers }, body);
  const mustBegin = async (headers: Headers = {}): Promise<string> => {
    const { location } = (await begin(headers)).headers;
    assert(location !== undefined);
    return location;
  };
  const patch = (target: string, offset: number, body: Uint8Array, headers: Headers = {}) =>
    ask("PATCH", target, { "content-type": piece, "upload-offset": String(offset), ...headers }, body);
  return { ...gateway, ask, begin, mustBegin, patch };
}

const codeOf = (answer: SimulatedAnswer): unknown => [answer.status, json(answer)["code"]];

describe("gateway: tus", () => {
  it("says what it can do, to whoever asks", async () => {
    const { ask } = await opened({ objectSizeBytesMax: 1000 });

    for (const target of ["/uploads", "/uploads/", `/uploads/${"0".repeat(32)}`]) {
      const { status, headers } = await ask("OPTIONS", target, { "tus-resumable": "0.0.1" });

      assert.equal(status, 204);
      assert.deepEqual(
        ["tus-version", "tus-resumable", "tus-max-size", "tus-extension", "tus-checksum-algorithm"].map(
          (name) => headers[name],
        ),
        [
          "1.0.0",
          "1.0.0",
          "1000",
          "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination",
          "sha1,sha256,sha512",
        ],
      );
    }
  });

  it("takes an upload in pieces, and answers the last with the object's address (GW-80)", async () => {
    const { begin, patch, ask, overlay } = await opened();

    const begun = await begin({ "upload-metadata": "filename YQ==,isEmpty" });
    const target = begun.headers["location"] ?? "";
    const first = await patch(target, 0, hello.subarray(0, 4));
    const between = await ask("HEAD", target);
    const last = await patch(target, 4, hello.subarray(4));
    const after = await ask("HEAD", target);

    const expires = new Date(overlay.expiresWallMs).toUTCString();
    assert.equal(begun.status, 201);
    assert.match(target, /^\/uploads\/[0-9a-f]{32}$/);
    assert.deepEqual([begun.headers["upload-offset"], begun.headers["upload-expires"]], ["0", expires]);
    assert.deepEqual(
      [first.status, first.headers["upload-offset"], first.headers["upload-expires"]],
      [204, "4", expires],
    );
    const { "x-correlation-id": _, ...headers } = between.headers;
    assert.deepEqual(
      [between.status, headers],
      [
        200,
        {
          "cache-control": "no-store",
          "content-length": "0",
          "tus-resumable": "1.0.0",
          "upload-expires": expires,
          "upload-length": "10",
          "upload-metadata": "filename YQ==,isEmpty",
          "upload-offset": "4",
        },
      ],
    );
    const address = overlay.add(hello);
    for (const answer of [last, after]) {
      assert.deepEqual([answer.headers["upload-offset"], answer.headers["cepa-address"]], ["10", address]);
      assert.match(answer.headers["cepa-manifest"] ?? "", /^[0-9a-f]{64}$/);
    }
    assert.deepEqual([last.status, after.status], [204, 200]);
  });

  it("takes the first piece with the beginning, all of it too", async () => {
    const { begin, patch, overlay } = await opened();

    const part = await begin({ "content-type": piece }, hello.subarray(0, 3));
    const rest = await patch(part.headers["location"] ?? "", 3, hello.subarray(3));
    const whole = await begin({ "content-type": `${piece.toUpperCase()}` }, hello);
    const empty = await begin({ "upload-length": "0" });

    assert.deepEqual([part.status, part.headers["upload-offset"]], [201, "3"]);
    assert.equal(rest.headers["cepa-address"], overlay.add(hello));
    assert.deepEqual([whole.status, whole.headers["cepa-address"]], [201, overlay.add(hello)]);
    assert.deepEqual([empty.status, empty.headers["cepa-address"]], [201, overlay.add(new Uint8Array(0))]);
  });

  it("answers a piece that is the last also where storing takes too long, and the address later", async () => {
    const { mustBegin, patch, ask, overlay } = await opened();
    const target = await mustBegin();

    overlay.isStoringSlow = true;
    const last = await patch(target, 0, hello);
    overlay.isStoringSlow = false;
    const later = await ask("HEAD", target);

    assert.deepEqual(
      [last.status, last.headers["upload-offset"], last.headers["cepa-address"]],
      [204, "10", undefined],
    );
    assert.equal(later.headers["cepa-address"], overlay.add(hello));
  });

  it("leaves nothing of a beginning whose piece is refused, for nobody was told its name", async () => {
    const { begin, overlay } = await opened();

    const refused = await begin({ "content-type": piece }, Buffer.from("hello, tus, too long"));

    assert.deepEqual(codeOf(refused), [413, "storage.upload-overrun"]);
    assert.equal(overlay.uploads.size, 0);
  });

  it("takes the length later", async () => {
    const { ask, patch, overlay } = await opened();

    const begun = await ask("POST", "/uploads", { "upload-defer-length": "1" });
    const target = begun.headers["location"] ?? "";
    const first = await patch(target, 0, hello.subarray(0, 4));
    const open = await ask("HEAD", target);
    const last = await patch(target, 4, hello.subarray(4), { "upload-length": "10" });

    assert.deepEqual([first.status, last.status], [204, 204]);
    assert.deepEqual([open.headers["upload-defer-length"], open.headers["upload-length"]], ["1", undefined]);
    assert.equal(last.headers["cepa-address"], overlay.add(hello));
  });

  it("refuses a piece that begins elsewhere with 409, one too many at a time with 423, and what is unknown with 404", async () => {
    const { mustBegin, patch, ask, overlay } = await opened();
    const target = await mustBegin();

    const ahead = await patch(target, 1, hello);
    overlay.failures.appendUpload = { code: "storage.upload-busy" };
    const busy = await patch(target, 0, hello);
    delete overlay.failures.appendUpload;
    const nowhere = `/uploads/${"0".repeat(32)}`;
    const unknown = [await ask("HEAD", nowhere), await patch(nowhere, 0, hello), await ask("DELETE", nowhere)];
    const noName = await ask("HEAD", "/uploads/x");

    assert.deepEqual(codeOf(ahead), [409, "storage.upload-conflict"]);
    assert.equal(ahead.headers["upload-offset"], "0");
    assert.deepEqual(codeOf(busy), [423, "storage.upload-busy"]);
    assert.deepEqual(
      unknown.map(({ status }) => status),
      [404, 404, 404],
    );
    assert.deepEqual(
      unknown.map(({ headers }) => headers["upload-offset"]),
      [undefined, undefined, undefined],
    );
    assert.equal(noName.status, 404);
  });

  it("ends an upload when it is told to", async () => {
    const { mustBegin, ask } = await opened();
    const target = await mustBegin();

    const ended = await ask("DELETE", target);
    const after = await ask("HEAD", target);

    assert.deepEqual([ended.status, after.status], [204, 404]);
  });

  it("compares a piece with its checksum, and keeps nothing of one that differs (GW-81)", async () => {
    const { mustBegin, patch, overlay } = await opened();
    const target = await mustBegin();
    const sum = (name: string, bytes: Uint8Array): string =>
      `${name} ${createHash(name).update(bytes).digest("base64")}`;

    const wrong = await patch(target, 0, hello, { "upload-checksum": sum("sha1", Buffer.from("other")) });
    const wrongDigest = await patch(target, 0, hello, { "content-digest": `sha-256=:${"A".repeat(43)}=:` });
    const held = [...overlay.uploads.values()].map(({ bytes }) => bytes.length);
    const right = [];
    for (const [at, name] of ["sha1", "sha256", "sha512"].entries()) {
      const part = hello.subarray(at, at + 1);
      right.push((await patch(target, at, part, { "upload-checksum": sum(name, part) })).status);
    }
    const odd = [];
    for (const field of ["md5 AA==", "sha1", "sha1 AA==", "sha1 %", sum("sha1", hello).replace(" ", "  "), ""]) {
      odd.push(codeOf(await patch(target, 3, hello.subarray(3), { "upload-checksum": field })));
    }

    assert.deepEqual(codeOf(wrong), [460, "gateway.checksum-mismatch"]);
    assert.deepEqual(codeOf(wrongDigest), [422, "gateway.digest-mismatch"]);
    assert.deepEqual(held, [0]);
    assert.deepEqual(right, [204, 204, 204]);
    assert.deepEqual(odd, Array(6).fill([400, "gateway.bad-checksum"]));
  });

  it("refuses other versions with 412, and says at every answer which it speaks", async () => {
    const { ask, begin, mustBegin, edge } = await opened();
    const target = await mustBegin();

    const answers = [
      await begin({ "tus-resumable": "0.2.2" }),
      await ask("HEAD", target, { "tus-resumable": "2.0.0" }),
      await ask("PATCH", target, { "tus-resumable": "" }),
      await ask("DELETE", target, { "tus-resumable": "1.0" }),
      await send(edge, { method: "HEAD", target }),
    ];
    const others = [await ask("GET", target), await ask("PUT", "/uploads"), await ask("HEAD", "/uploads/x")];

    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers["tus-version"]]),
      Array(5).fill([412, "1.0.0"]),
    );
    assert.deepEqual(
      others.map(({ status }) => status),
      [405, 405, 404],
    );
    assert.deepEqual(
      new Set([...answers, ...others].map(({ headers }) => headers["tus-resumable"])),
      new Set(["1.0.0"]),
    );
    assert.equal(others[0]?.headers["allow"], "HEAD, PATCH, DELETE, OPTIONS");
    assert.equal((await ask("GET", "/healthz")).headers["tus-resumable"], undefined);
  });

  it("answers 503 to HEAD where that never passes by itself, and says in words to who begins anew what to do (GW-77)", async () => {
    const { mustBegin, ask, overlay } = await opened();
    const target = await mustBegin();
    const failure = { code: "storage.journal-damaged", journal: "staging/journal", fileName: "1.log", position: 32 };
    overlay.failures.statUpload = failure as never;
    overlay.failures.beginUpload = failure as never;

    const asked = await ask("HEAD", target);
    const begun = await ask("POST", "/uploads", { "upload-length": "5" });

    assert.equal(asked.status, 503);
    const { code, retryable, message } = json(begun);
    assert.deepEqual([begun.status, code, retryable], [503, "storage.journal-damaged", false]);
    assert.equal(
      message,
      "The journal staging/journal/1.log is damaged at byte 32: uploads in pieces cannot be gone on with. " +
        "Stop the node and put staging/ back from a backup, or move it away and begin them anew.",
    );
  });

  it("answers 423 to HEAD while it cannot be known where the upload is, so that nobody begins anew (GW-82)", async () => {
    const { mustBegin, ask, patch, overlay, actor, restart, edge } = await opened();
    const target = await mustBegin();
    const passing = [
      { code: "storage.rebuilding", doneBytes: 1, totalBytes: 2 },
      { code: "overlay.unavailable", cause: "x", executed: "no" },
      { code: "runtime.call-timeout", actor: "overlay", executed: "maybe" },
      { code: "storage.full", freeBytes: 1, reserveBytes: 2 },
    ];

    for (const failure of passing) {
      overlay.failures.statUpload = failure as never;
      const { status, headers } = await ask("HEAD", target);
      assert.deepEqual([status, headers["tus-resumable"]], [423, "1.0.0"], failure.code);
    }
    overlay.failures.appendUpload = passing[0] as never;
    const piece503 = await patch(target, 0, hello);
    delete overlay.failures.statUpload;
    actor.kill("by the test");
    await new Promise(setImmediate);
    const down = [
      await ask("HEAD", target),
      await patch(target, 0, hello),
      await send(edge, { method: "HEAD", target: "/status" }),
    ];
    await restart();

    assert.equal(piece503.status, 503);
    assert.deepEqual(
      down.map(({ status }) => status),
      [423, 503, 503],
    );
    assert.deepEqual(
      down.map(({ headers }) => headers["tus-resumable"]),
      ["1.0.0", "1.0.0", undefined],
    );
    assert.equal((await ask("HEAD", target)).status, 200);
  });

  it("takes the method from a field where the client can only POST, and nowhere else", async () => {
    const { ask, mustBegin } = await opened();
    const target = await mustBegin();

    const override = { "x-http-method-override": "PATCH", "content-type": piece, "upload-offset": "0" };
    const patched = await ask("POST", target, override, hello);
    const read = await ask("GET", target, { "x-http-method-override": "DELETE" });
    const put = await ask("POST", "/put", { "x-http-method-override": "DELETE" }, hello);

    assert.deepEqual([patched.status, read.status, put.status], [204, 405, 200]);
  });

  it("refuses fields that cannot be read with 400, before anything is begun", async () => {
    const { ask, begin, mustBegin, patch, overlay } = await opened();
    const bad: readonly Headers[] = [
      { "upload-length": "" },
      { "upload-length": "-1" },
      { "upload-length": "1.5" },
      { "upload-length": "99999999999999999999" },
      { "upload-length": "9007199254740992" },
      { "upload-defer-length": "1" },
      { "upload-defer-length": "2" },
      { "upload-concat": "partial" },
      { "upload-metadata": "a b c" },
      { "upload-metadata": "a YQ==,a YQ==" },
      { "upload-metadata": "a YQ==,," },
      { "upload-metadata": "a *" },
      { "upload-metadata": `a ${"A".repeat(UPLOAD_NOTE_LENGTH_MAX - 1)}` },
    ];

    for (const headers of bad) assert.equal((await begin(headers)).status, 400, JSON.stringify(headers));
    const neither = await ask("POST", "/uploads");
    assert.deepEqual(codeOf(neither), [400, "gateway.bad-upload"]);
    assert.deepEqual(overlay.calls, []);
    assert.equal((await begin({ "upload-metadata": `a ${"A".repeat(UPLOAD_NOTE_LENGTH_MAX - 2)}` })).status, 201);

    const target = await mustBegin();
    for (const headers of [{ "upload-offset": "" }, { "upload-offset": "x" }, { "upload-length": "x" }]) {
      assert.deepEqual(codeOf(await patch(target, 0, hello, headers)), [400, "gateway.bad-upload"]);
    }
    assert.deepEqual(codeOf(await ask("PATCH", target, { "content-type": piece }, hello)), [400, "gateway.bad-upload"]);
    const types = [await patch(target, 0, hello, { "content-type": "text/plain" }), await begin({}, hello)];
    assert.deepEqual(types.map(codeOf), Array(2).fill([415, "gateway.not-a-piece"]));
  });

  it("says what is wrong with a field that is there and can be read", async () => {
    const { begin } = await opened();

    const concat = await begin({ "upload-concat": "partial" });
    const long = await begin({ "upload-metadata": `a ${"A".repeat(UPLOAD_NOTE_LENGTH_MAX - 1)}` });
    const odd = await begin({ "upload-metadata": "a *" });

    assert.deepEqual(
      [concat, long, odd].map(({ body }) => JSON.parse(String(body)).message),
      [
        "The field upload-concat is of an extension that is not spoken here: Tus-Extension names those that are.",
        `The field upload-metadata has more than ${UPLOAD_NOTE_LENGTH_MAX} characters.`,
        "The field upload-metadata is missing, or cannot be read.",
      ],
    );
  });

  it("refuses what is too long with 413 at once, at the limit not (GW-21)", async () => {
    const { begin, overlay } = await opened({ objectSizeBytesMax: 10 });

    const atLimit = await begin({ "upload-length": "10" });
    overlay.calls.length = 0;
    const past = await begin({ "upload-length": "11" });

    assert.equal(atLimit.status, 201);
    assert.deepEqual(codeOf(past), [413, "gateway.object-too-large"]);
    assert.deepEqual(overlay.calls, []);
  });

  it("holds an upload whose length comes later to the same limit, all pieces together (GW-21)", async () => {
    const { ask, patch, edge, overlay } = await opened({ objectSizeBytesMax: 10 });
    const later = { "upload-defer-length": "1" };
    const target = (await ask("POST", "/uploads", later)).headers["location"] ?? "";
    const first = await patch(target, 0, hello.subarray(0, 6));
    overlay.calls.length = 0;

    const said = await patch(target, 6, new Uint8Array(0), { "upload-length": "11" });
    const sent = await patch(target, 6, hello.subarray(0, 5));
    const begun = await ask("POST", "/uploads", { ...later, "content-type": piece }, Buffer.alloc(11));
    const early = overlay.calls.length;
    // Of a length that nobody says.
    const streamed = await send(edge, {
      method: "PATCH",
      target,
      headers: { "tus-resumable": "1.0.0", "content-type": piece, "upload-offset": "6" },
      body: new MemorySource(hello.subarray(0, 5), 2),
    });
    const held = Number((await ask("HEAD", target)).headers["upload-offset"]);
    const last = await patch(target, held, hello.subarray(held), { "upload-length": "10" });

    const tooLarge = [413, "gateway.object-too-large"];
    assert.equal(first.status, 204);
    assert.deepEqual([said, sent, begun, streamed].map(codeOf), Array(4).fill(tooLarge));
    assert.equal(json(streamed)["message"], "An object has at most 10 bytes here.");
    assert.equal(early, 0);
    assert.ok(held <= 10);
    assert.deepEqual([last.status, last.headers["upload-offset"]], [204, "10"]);
  });

  it("passes on how the object is to be put", async () => {
    const { begin, overlay } = await opened();

    await begin({ "cepa-chunker": "gear-fine/1" });
    await begin({ "cepa-enc": "seg/1", "cepa-keep": "60" });
    const odd = await begin({ "cepa-chunker": "x" });

    assert.deepEqual(
      [...overlay.uploads.values()].map(({ manner }) => manner),
      [
        { chunker: "gear-fine/1", kind: undefined, keepMs: undefined },
        { chunker: "fixed/1", enc: { format: "seg/1" }, keepMs: 60_000 },
      ],
    );
    assert.deepEqual(codeOf(odd), [400, "gateway.bad-chunker"]);
  });

  it("answers with each failure's status, and closes /readyz while the disk is full", async () => {
    const { begin, mustBegin, patch, ask, overlay, edge } = await opened();
    const target = await mustBegin();
    const uploadsFull = { code: "storage.uploads-full", uploadsMax: 1, stagingBytesMax: 2 };
    const full = { code: "storage.full", freeBytes: 1, reserveBytes: 2 };

    overlay.failures.beginUpload = uploadsFull as never;
    const many = await begin();
    const stillOpen = await send(edge, { target: "/readyz" });
    overlay.failures.beginUpload = full as never;
    await begin();
    const closedAtOnce = await send(edge, { target: "/readyz" });
    delete overlay.failures.beginUpload;
    overlay.failures.appendUpload = full as never;
    const noRoom = await patch(target, 0, hello);
    const closed = await send(edge, { target: "/readyz" });
    delete overlay.failures.appendUpload;
    overlay.failures.statUpload = { code: "storage.upload-damaged" } as never;
    const damaged = await patch(target, 0, hello);
    delete overlay.failures.statUpload;
    const after = await ask("HEAD", target);
    const open = await send(edge, { target: "/readyz" });

    assert.deepEqual([many, noRoom, damaged].map(codeOf), [
      [429, "storage.uploads-full"],
      [507, "storage.full"],
      [410, "storage.upload-damaged"],
    ]);
    assert.deepEqual(
      [stillOpen, closedAtOnce, closed, after, open].map(({ status }) => status),
      [200, 503, 503, 200, 200],
    );
  });

  it("refuses pages of other origins (GW-41)", async () => {
    const { begin, mustBegin, patch, ask } = await opened();
    const target = await mustBegin();
    const foreign = { origin: "http://elsewhere.example" };

    const refused = [
      await begin(foreign),
      await patch(target, 0, hello, foreign),
      await ask("DELETE", target, foreign),
    ];

    assert.deepEqual(
      refused.map(({ status }) => status),
      [403, 403, 403],
    );
  });
});
