/** Reading through gateway: what a client of the simulated edge sees. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { Address } from "#actors/domain/address.ts";
import type { SimulatedAnswer } from "#runtime/simulated/edge.ts";
import { manifestOf } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
const unknown = `b3:${"0".repeat(64)}` as Address;

async function openWith(content: Uint8Array = bytes) {
  const opened = await openSimulated();
  const address = opened.overlay.add(content);
  const get = (headers: Record<string, string> = {}, method = "GET"): Promise<SimulatedAnswer> =>
    send(opened.edge, { method, target: `/o/${address}`, headers });
  return { ...opened, address, get };
}

describe("gateway: GET /o/<addr>", () => {
  it("answers with the bytes and every header of the contract (GW-10)", async () => {
    const { get, address } = await openWith();

    const answer = await get({ "x-correlation-id": "mine" });

    assert.deepEqual(answer, {
      status: 200,
      headers: {
        "accept-ranges": "bytes",
        vary: "Accept",
        "cache-control": "public, max-age=31536000, immutable",
        "content-length": "1000",
        "content-security-policy": "sandbox; default-src 'none'",
        "content-type": "application/octet-stream",
        etag: `"${address}"`,
        "x-content-type-options": "nosniff",
        "x-correlation-id": "mine",
      },
      body: Buffer.from(bytes),
      complete: true,
    });
  });

  for (const sizeBytes of [0, 1, 256 * 1024, 256 * 1024 + 1, 1_000_003]) {
    it(`returns an object of ${sizeBytes} bytes whole`, async () => {
      const content = Buffer.alloc(sizeBytes, "cepa");
      const { get } = await openWith(content);

      const answer = await get();

      assert.equal(answer.headers["content-length"], String(sizeBytes));
      assert(answer.complete && content.equals(answer.body));
    });
  }

  for (const headers of [
    {},
    { range: "bytes=10-19" },
    { range: "bytes=-7" },
    { range: "bytes=5-9,100-,0-1" },
    { range: "bytes=1000-" },
    { "want-repr-digest": "sha-256=5" },
  ]) {
    it(`answers ${JSON.stringify(headers)} alike for bytes that come at once and for a stream`, async () => {
      const { get, overlay } = await openWith();
      const streamed = await get({ ...headers, "x-correlation-id": "mine" });
      overlay.givesWhole = true;

      const whole = await get({ ...headers, "x-correlation-id": "mine" });

      const boundary = /boundary=(\S+)/.exec(streamed.headers["content-type"] ?? "")?.[1] ?? "none";
      const other = /boundary=(\S+)/.exec(whole.headers["content-type"] ?? "")?.[1] ?? "none";
      const told = JSON.stringify({ ...whole, body: Buffer.from(whole.body).toString("latin1") }).replaceAll(
        other,
        boundary,
      );
      assert.equal(told, JSON.stringify({ ...streamed, body: Buffer.from(streamed.body).toString("latin1") }));
    });
  }

  it("answers 404 for an object that nobody put, not to be cached", async () => {
    const { edge } = await openWith();

    const answer = await send(edge, { target: `/o/${unknown}`, headers: { "x-correlation-id": "c" } });

    assert.equal(answer.status, 404);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.deepEqual(json(answer), {
      code: "overlay.unknown",
      message: "No object with this address is held here.",
      retryable: false,
      corr_id: "c",
    });
  });

  it("finds an address whose colon is escaped, and no other spelling", async () => {
    const { edge, address } = await openWith();
    const spellings = [address.replace(":", "%3A"), address.slice(3), address.toUpperCase(), `${address}0`, ""];

    const answers = await Promise.all(spellings.map((spelling) => send(edge, { target: `/o/${spelling}` })));

    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 400, 400, 400, 400],
    );
  });

  it("answers 502 storage.corrupt while no byte was sent, for small and large objects (GW-12)", async () => {
    const corrupt = { code: "storage.corrupt", digest: "d" };
    for (const sizeBytes of [1000, 1_000_000]) {
      const { get, overlay } = await openWith(Buffer.alloc(sizeBytes));
      overlay.failing = { afterBytes: 0, failure: corrupt };

      const answer = await get();

      assert.equal(answer.status, 502);
      assert.equal(json(answer)["code"], "storage.corrupt");
      assert.equal(json(answer)["retryable"], false);
    }
  });

  it("answers 503 while no byte was sent and the disk cannot be read just now (GW-12)", async () => {
    const failure = { code: "storage.read-failed", errno: "EMFILE" };
    for (const sizeBytes of [1000, 1_000_000]) {
      const { get, overlay } = await openWith(Buffer.alloc(sizeBytes));
      overlay.failing = { afterBytes: 0, failure };

      const answer = await get();

      assert.deepEqual([answer.status, json(answer)["code"]], [503, "storage.read-failed"]);
      assert.match(String(json(answer)["message"]), /EMFILE/);
      assert.equal(json(answer)["retryable"], true);
    }
  });

  it("answers 502 also when a small object is damaged at its end: nothing of it was sent yet", async () => {
    const { get, overlay } = await openWith();
    overlay.failing = { afterBytes: 999, failure: { code: "storage.corrupt" } };

    assert.equal((await get()).status, 502);
  });

  it("cuts a large object that is damaged after its first bytes, and never sends its length (GW-12)", async () => {
    const { get, overlay, edge } = await openWith(Buffer.alloc(1_000_000));
    overlay.failing = { afterBytes: 600_000, failure: { code: "storage.corrupt" } };

    const answer = await get();

    assert.equal(answer.status, 200);
    assert.equal(answer.complete, false);
    assert(answer.body.length <= 600_000);
    assert.equal(edge.openRequestCount, 0);
  });

  it("cuts an object whose source ends early, as if it had failed", async () => {
    const { get, overlay, address } = await openWith(Buffer.alloc(1_000_000));
    overlay.failing = { afterBytes: 999_999, failure: { code: "some.other" } };

    const answer = await get();

    assert.equal(answer.complete, false);
    assert(answer.body.length < 1_000_000);
    assert.equal(overlay.objects.get(address)?.length, 1_000_000);
  });

  it("gives up on a source that brings nothing for callTimeoutMs", async () => {
    const { get, overlay, clock, config } = await openWith();
    config.current = { ...config.current, callTimeoutMs: 1000 };
    let hang: (count: number) => void = () => undefined;
    const { call } = overlay;
    overlay.call = async function (this: typeof overlay, ...args) {
      const got = (await call.apply(this, args)) as { value: { body: { read: unknown; cancel: unknown } } };
      got.value.body.read = () => new Promise((resolve) => (hang = resolve));
      got.value.body.cancel = () => hang(-1);
      return got as never;
    };

    const answering = get();
    await clock.advance(999);
    let isAnswered = false;
    void answering.then(() => (isAnswered = true));
    await clock.settle();
    assert.equal(isAnswered, false);
    await clock.advance(1);

    const answer = await answering;
    assert.equal(answer.status, 503);
    assert.equal(json(answer)["code"], "edge.source-stalled");
  });
});

describe("gateway: HEAD and If-None-Match", () => {
  it("answers HEAD like GET, without the body and without reading it", async () => {
    const { get, overlay } = await openWith();
    const whole = await get();

    const head = await get({}, "HEAD");

    const { "x-correlation-id": one, ...expected } = whole.headers;
    const { "x-correlation-id": other, ...actual } = head.headers;
    assert.notEqual(one, other);
    assert.equal(head.status, 200);
    assert.deepEqual(actual, expected);
    assert.equal(head.body.length, 0);
    assert.deepEqual(overlay.calls, ["get", "stat"]);
  });

  it("ignores a Range on HEAD, for which none is defined", async () => {
    const { get } = await openWith();

    const head = await get({ range: "bytes=0-1" }, "HEAD");

    assert.equal(head.status, 200);
    assert.equal(head.headers["content-length"], "1000");
  });

  it("answers 304 for a matching tag: alone, weak, in a list, or *", async () => {
    const { get, address } = await openWith();
    const fields = [`"${address}"`, `W/"${address}"`, `"x", "${address}"`, `"x",W/"${address}" `, "*"];

    for (const field of fields) {
      const answer = await get({ "if-none-match": field });
      assert.equal(answer.status, 304, field);
      assert.equal(answer.headers["etag"], `"${address}"`);
      assert.equal(answer.body.length, 0);
    }
  });

  it("answers 200 for tags that do not match, also for the address without its quotes", async () => {
    const { get, address } = await openWith();

    for (const field of ['"x"', address, `"${unknown}"`, ""]) {
      assert.equal((await get({ "if-none-match": field })).status, 200, field);
    }
  });

  it("does not confirm an object it does not hold", async () => {
    const { edge } = await openWith();

    const answer = await send(edge, { target: `/o/${unknown}`, headers: { "if-none-match": "*" } });

    assert.equal(answer.status, 404);
  });

  it("puts If-None-Match before Range", async () => {
    const { get } = await openWith();

    assert.equal((await get({ "if-none-match": "*", range: "bytes=0-1" })).status, 304);
  });
});

describe("gateway: If-Match", () => {
  it("lets a read go on that names this object strongly, in a list, or *", async () => {
    const { get, address } = await openWith();

    for (const field of [`"${address}"`, `"x", "${address}"`, "*"]) {
      for (const method of ["GET", "HEAD"]) assert.equal((await get({ "if-match": field }, method)).status, 200, field);
    }
  });

  it("refuses any other with 412, HEAD and ranges too, without reading (GW-85)", async () => {
    const { get, address, overlay } = await openWith();

    for (const field of ['"x"', `W/"${address}"`, address, `"${unknown}"`]) {
      for (const method of ["GET", "HEAD"]) {
        const answer = await get({ "if-match": field, range: "bytes=0-1" }, method);
        assert.equal(answer.status, 412, field);
        if (method === "GET") assert.equal(json(answer)["code"], "gateway.precondition-failed");
      }
    }
    assert.deepEqual(new Set(overlay.calls), new Set(["stat"]));
  });

  it("comes before If-None-Match, and after the object is found", async () => {
    const { get, edge, address } = await openWith();

    const both = await get({ "if-match": '"x"', "if-none-match": `"${address}"` });
    const neither = await send(edge, { target: `/o/${unknown}`, headers: { "if-match": "*" } });

    assert.deepEqual([both.status, neither.status], [412, 404]);
  });
});

describe("gateway: Repr-Digest of what is read", () => {
  const digestOf = (algorithm: string, content: Uint8Array): string =>
    createHash(algorithm.replace("-", "")).update(content).digest("base64");

  it("is that of the whole object, in the algorithm wanted most (GW-86)", async () => {
    const { get } = await openWith();

    for (const [want, algorithm] of [
      ["sha-256=1", "sha-256"],
      ["sha-512=3, sha-256=2", "sha-512"],
      ["md5=10, sha-256=1;x=y", "sha-256"],
    ] as const) {
      const answer = await get({ "want-repr-digest": want });
      assert.equal(answer.headers["repr-digest"], `${algorithm}=:${digestOf(algorithm, bytes)}:`, want);
    }
  });

  it("is left out where nobody asks, or asks for what there is not, or not in order", async () => {
    const { get } = await openWith();

    const wants = [
      "",
      "md5=10",
      "sha-256=0",
      "sha-256=11",
      "sha-256=-1",
      "sha-256",
      "sha-256=1,",
      "sha-256=0.5",
      "blake3=5",
    ];
    for (const want of wants) {
      const answer = await get({ "want-repr-digest": want });
      assert.deepEqual([answer.status, answer.headers["repr-digest"]], [200, undefined], want);
    }
    assert.equal((await get()).headers["repr-digest"], undefined);
  });

  it("is left out for parts, for HEAD, and for what is sent before it is read (GW-86)", async () => {
    const want = { "want-repr-digest": "sha-256=1" };
    const small = await openWith();
    const atLimit = await openWith(Buffer.alloc(256 * 1024));
    const pastLimit = await openWith(Buffer.alloc(256 * 1024 + 1));

    assert.equal((await small.get({ ...want, range: "bytes=0-9" })).headers["repr-digest"], undefined);
    assert.equal((await small.get({ ...want, range: "bytes=0-9,500-509" })).headers["repr-digest"], undefined);
    assert.equal((await small.get(want, "HEAD")).headers["repr-digest"], undefined);
    assert.notEqual((await atLimit.get(want)).headers["repr-digest"], undefined);
    assert.equal((await pastLimit.get(want)).headers["repr-digest"], undefined);
  });
});

describe("gateway: Range", () => {
  const satisfiable: readonly (readonly [field: string, first: number, last: number])[] = [
    ["bytes=0-0", 0, 0],
    ["bytes=0-999", 0, 999],
    ["bytes=0-", 0, 999],
    ["bytes=10-19", 10, 19],
    ["bytes=999-", 999, 999],
    ["bytes=999-5000", 999, 999],
    ["bytes=-1", 999, 999],
    ["bytes=-1000", 0, 999],
    ["bytes=-99999", 0, 999],
    ["Bytes= 5-6", 5, 6],
    ["bytes=5-99999999999999999999", 5, 999],
  ];
  for (const [field, first, last] of satisfiable) {
    it(`answers 206 for ${field}`, async () => {
      const { get } = await openWith();

      const answer = await get({ range: field });

      assert.equal(answer.status, 206);
      assert.equal(answer.headers["content-range"], `bytes ${first}-${last}/1000`);
      assert.equal(answer.headers["content-length"], String(last - first + 1));
      assert.deepEqual(answer.body, Buffer.from(bytes.subarray(first, last + 1)));
    });
  }

  for (const field of ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=99999999999999999999-"]) {
    it(`answers 416 for ${field}`, async () => {
      const { get } = await openWith();

      const answer = await get({ range: field });

      assert.equal(answer.status, 416);
      assert.equal(answer.headers["content-range"], "bytes */1000");
      assert.equal(json(answer)["code"], "overlay.range-unsatisfiable");
    });
  }

  // RFC 9110 §14.2: invalid ranges and other units may be ignored.
  const ignored = ["bytes=5-4", "bytes=-", "bytes=", "bytes", "bytes=a-b", "lines=1-2", "bytes=0-1,4-3", "bytes=1-2-3"];
  for (const field of ignored) {
    it(`answers with the whole object for ${field}`, async () => {
      const { get } = await openWith();

      const answer = await get({ range: field });

      assert.equal(answer.status, 200);
      assert.equal(answer.headers["content-range"], undefined);
      assert.equal(answer.body.length, 1000);
    });
  }

  it("keeps a range only while If-Range names this object, strongly", async () => {
    const { get, address } = await openWith();
    const fields = [`"${address}"`, `W/"${address}"`, '"x"', "Sat, 01 Jan 2026 00:00:00 GMT"];

    const answers = await Promise.all(fields.map((field) => get({ range: "bytes=0-1", "if-range": field })));

    assert.deepEqual(
      answers.map(({ status }) => status),
      [206, 200, 200, 200],
    );
  });

  it("answers 416 for any range of the empty object", async () => {
    const { get } = await openWith(new Uint8Array(0));

    assert.equal((await get({ range: "bytes=0-" })).status, 416);
    assert.equal((await get()).status, 200);
  });

  it("streams a large range", async () => {
    const content = Buffer.alloc(2_000_000, "0123456789");
    const { get } = await openWith(content);

    const answer = await get({ range: "bytes=7-1500000" });

    assert.equal(answer.headers["content-range"], "bytes 7-1500000/2000000");
    assert(answer.complete && content.subarray(7, 1_500_001).equals(answer.body));
  });
});

describe("gateway: /m/<root> and /stat/<addr>", () => {
  it("answers with the bytes of a manifest, with or without b3:", async () => {
    const { edge, address } = await openWith();
    const root = manifestOf(address);

    for (const name of [root, `b3:${root}`]) {
      const answer = await send(edge, { target: `/m/${name}` });
      assert.equal(answer.status, 200);
      assert.equal(Buffer.from(answer.body).toString(), `manifest ${root}`);
      assert.equal(answer.headers["etag"], `"b3:${root}"`);
      assert.equal(answer.headers["content-security-policy"], "sandbox; default-src 'none'");
    }
    assert.equal((await send(edge, { target: "/m/xyz" })).status, 400);
    const again = await send(edge, { target: `/m/${root}`, headers: { "if-none-match": `"b3:${root}"` } });
    assert.equal(again.status, 304);
    const other = await send(edge, { target: `/m/${root}`, headers: { "if-match": `"${address}"` } });
    assert.equal(other.status, 412);
  });

  it("says what is known of an object", async () => {
    const { edge, address } = await openWith();

    const answer = await send(edge, { target: `/stat/${address}` });

    assert.deepEqual(json(answer), { address, size: 1000, chunks: 1, manifest: manifestOf(address) });
    assert.equal((await send(edge, { target: `/stat/${unknown}` })).status, 404);
    assert.equal((await send(edge, { target: "/stat/x" })).status, 400);
  });
});
