/** Writing through gateway: what a client of the simulated edge sees. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address } from "#actors/domain/address.ts";
import { SMALL_BODY_BYTES_MAX } from "#actors/gateway/uploads.ts";
import type { Failure } from "#runtime/errors.ts";
import { FakeOverlay, MemorySource, manifestOf } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const hello = Buffer.from("hello");
const address: Address = new FakeOverlay().add(hello);

describe("gateway: PUT /put", () => {
  it("answers 201 with what it is called, and 200 when it was known (GW-20)", async () => {
    const { edge } = await openSimulated();
    const put = (method: string) => {
      return send(edge, { method, target: "/put", body: new MemorySource(hello), contentLength: 5 });
    };

    const first = await put("PUT");
    const second = await put("POST");

    const facts = { address, size: 5, chunks: 1, manifest: manifestOf(address) };
    assert.deepEqual([first.status, second.status], [201, 200]);
    assert.deepEqual([json(first), json(second)], [facts, facts]);
    assert.equal(first.headers["location"], `/o/${address}`);
    assert.equal(second.headers["location"], `/o/${address}`);
  });

  it("stores the empty object where no body was sent", async () => {
    const { edge } = await openSimulated();

    const answer = await send(edge, { method: "PUT", target: "/put" });

    assert.equal(answer.status, 201);
    assert.equal(json(answer)["size"], 0);
  });

  it("passes a small body on whole, and every other one as it comes", async () => {
    const { edge, overlay } = await openSimulated();
    const small = Buffer.alloc(SMALL_BODY_BYTES_MAX, 1);
    const large = Buffer.alloc(SMALL_BODY_BYTES_MAX + 1, 2);
    const put = async (content: Uint8Array, said: { contentLength?: number; headers?: Record<string, string> }) => {
      const body = new MemorySource(content, 1000);
      const answer = await send(edge, { method: "PUT", target: "/put", body, ...said });
      assert.equal(json(answer)["size"], content.length);
    };

    await put(small, { contentLength: small.length });
    await put(large, { contentLength: large.length });
    await put(small, {});
    await put(small, { contentLength: small.length, headers: { expect: "100-continue" } });

    const [whole, ...others] = overlay.wholes;
    assert(whole !== undefined && small.equals(whole));
    assert.deepEqual(
      others.map((bytes) => bytes?.length),
      [undefined, undefined, undefined],
    );
  });

  it("asks nobody to store a small body that breaks off", async () => {
    const { edge, overlay } = await openSimulated();
    const failure = { code: "gateway.body-truncated" };
    const body = new MemorySource(hello, 2, { afterBytes: 3, failure });

    const answer = await send(edge, { method: "PUT", target: "/put", body, contentLength: 5 });

    assert.deepEqual([answer.status, json(answer)["code"]], [400, "gateway.body-truncated"]);
    assert.deepEqual(overlay.calls, []);
  });

  it("refuses one byte over the limit at once when the length is known (GW-21)", async () => {
    const { edge, overlay } = await openSimulated({ config: { objectSizeBytesMax: 5 } });
    const put = (content: Uint8Array) => {
      const body = new MemorySource(content);
      return send(edge, { method: "PUT", target: "/put", body, contentLength: content.length });
    };

    const atLimit = await put(hello);
    const pastLimit = await put(Buffer.from("hello!"));

    assert.equal(atLimit.status, 201);
    assert.equal(pastLimit.status, 413);
    assert.equal(json(pastLimit)["code"], "gateway.object-too-large");
    assert.deepEqual(overlay.calls, ["put"]);
  });

  it("refuses one byte over the limit when it comes, where the length is not known (GW-21)", async () => {
    const { edge, overlay } = await openSimulated({ config: { objectSizeBytesMax: 5 } });
    const put = (content: string) => {
      return send(edge, { method: "PUT", target: "/put", body: new MemorySource(Buffer.from(content), 3) });
    };

    const atLimit = await put("hello");
    const pastLimit = await put("hello!");

    assert.equal(atLimit.status, 201);
    assert.equal(pastLimit.status, 413);
    assert.equal(json(pastLimit)["code"], "gateway.object-too-large");
    assert.equal(overlay.objects.size, 1);
  });

  it("answers with the body's own failure where one is known", async () => {
    const { edge, overlay } = await openSimulated();
    const put = (code: string) => {
      const failure = { code, readIdleMs: 15_000, bytesPerSecond: 1, bytesPerSecondMin: 1024 };
      const body = new MemorySource(hello, 2, { afterBytes: 3, failure });
      return send(edge, { method: "PUT", target: "/put", body });
    };

    const answers = [];
    const codes = ["gateway.read-idle", "gateway.upload-too-slow", "gateway.body-truncated", "gateway.body-malformed"];
    for (const code of [...codes, "other.thing"]) answers.push(await put(code));

    assert.deepEqual(
      answers.map((answer) => [answer.status, json(answer)["code"]]),
      [
        [408, "gateway.read-idle"],
        [408, "gateway.upload-too-slow"],
        [400, "gateway.body-truncated"],
        [400, "gateway.body-malformed"],
        [400, "storage.source-failed"],
      ],
    );
    assert.equal(overlay.objects.size, 0);
  });

  it("passes on how the object is to be cut, and refuses a way that there is not", async () => {
    const { edge, overlay } = await openSimulated();
    const put = (headers: Record<string, string>) =>
      send(edge, { method: "PUT", target: "/put", headers, body: new MemorySource(hello) });

    const [plain, fine, odd] = [
      await put({}),
      await put({ "cepa-chunker": "gear-fine/1" }),
      await put({ "cepa-chunker": "x" }),
    ];

    assert.deepEqual([plain.status, fine.status, odd.status], [201, 200, 400]);
    assert.deepEqual(overlay.chunkers, [undefined, "gear-fine/1"]);
    assert.equal(json(odd)["code"], "gateway.bad-chunker");
    assert.match(String(json(odd)["message"]), /gear-nc2\/1, gear-fine\/1, fixed\/1/);
  });

  it("refuses a part of an object, and stores nothing of it (GW-23)", async () => {
    const { edge, overlay } = await openSimulated();
    const headers = { "content-range": "bytes 0-4/10" };

    for (const [method, target] of [
      ["PUT", "/put"],
      ["POST", "/put"],
      ["PUT", `/o/${address}`],
      ["POST", "/uploads"],
      ["PUT", `/n/${"ab".repeat(32)}/site`],
    ] as const) {
      const answer = await send(edge, { method, target, headers, body: new MemorySource(hello) });
      assert.deepEqual([answer.status, json(answer)["code"]], [400, "gateway.partial-put"]);
    }

    assert.deepEqual(overlay.calls, []);
  });

  it("answers 507 while the disk is full, closes /readyz, and opens it with the next success (GW-33)", async () => {
    const { edge, overlay, clock } = await openSimulated();
    const put = () => send(edge, { method: "PUT", target: "/put", body: new MemorySource(hello), contentLength: 5 });
    const ready = async (target = "/readyz") => (await send(edge, { target })).status;

    overlay.failures.put = { code: "storage.full", freeBytes: 1, reserveBytes: 2 } as never;
    const full = await put();
    assert.deepEqual([full.status, json(full)["code"], json(full)["retryable"]], [507, "storage.full", true]);
    assert.deepEqual([await ready(), await ready("/readyz?for=reads")], [503, 200]);

    await clock.advance(10_000);
    assert.equal(await ready(), 200);
    await put();
    assert.equal(await ready(), 503);
    delete overlay.failures.put;
    assert.equal((await put()).status, 201);
    assert.equal(await ready(), 200);
  });

  it("says in /readyz which of them is full: the disk, or what the store may hold (GW-33)", async () => {
    const { edge, overlay } = await openSimulated();
    const put = () => send(edge, { method: "PUT", target: "/put", body: new MemorySource(hello), contentLength: 5 });
    const reasons = async () => json(await send(edge, { target: "/readyz" }))["reasons"];

    overlay.failures.put = { code: "storage.limit-reached", limit: "storage.packsMax", max: 1 } as never;
    await put();
    const limited = await reasons();
    overlay.failures.put = { code: "storage.full", freeBytes: 1, reserveBytes: 2 } as never;
    await put();

    assert.deepEqual(limited, ["storage: it holds as much as it may"]);
    assert.deepEqual(await reasons(), ["storage: the disk is full"]);
  });
});

describe("gateway: Cepa-Kind", () => {
  const put = async (headers: Record<string, string>, failure?: Failure) => {
    const { edge, overlay } = await openSimulated();
    if (failure !== undefined) overlay.failures.put = failure;
    const answer = await send(edge, { method: "PUT", target: "/put", body: new MemorySource(hello), headers });
    return {
      status: answer.status,
      code: json(answer)["code"],
      message: json(answer)["message"],
      kinds: overlay.kinds,
    };
  };

  it("says that what is put is a tree (GW-26)", async () => {
    assert.deepEqual((await put({ "cepa-kind": "tree" })).kinds, ["tree"]);
    assert.deepEqual((await put({})).kinds, [undefined]);
  });

  it("is refused when it is another, or comes with ciphertext (GW-26)", async () => {
    for (const headers of [{ "cepa-kind": "file" }, { "cepa-kind": "" }, { "cepa-kind": "tree", "cepa-enc": "x/1" }]) {
      const { status, code, kinds } = await put(headers as Record<string, string>);

      assert.deepEqual([status, code, kinds], [400, "gateway.bad-kind", []]);
    }
  });

  it("answers 422 where the tree is refused, with the name that is missing (GW-26)", async () => {
    const refused = (failure: Record<string, string>) =>
      put({ "cepa-kind": "tree" }, { code: "storage.tree-refused", ...failure } as Failure);

    const malformed = await refused({ problem: "bad-name" });
    const missing = await refused({ problem: "not-stored", name: "a\nb" });

    assert.deepEqual([malformed.status, missing.status], [422, 422]);
    assert.match(String(malformed.message), /no tree that is kept here: bad-name/);
    assert.match(String(missing.message), /names "a\\nb", of which the object is not stored/);
  });
});

describe("gateway: PUT /o/<addr>", () => {
  it("stores the object that the address names", async () => {
    const { edge } = await openSimulated();

    const answer = await send(edge, { method: "PUT", target: `/o/${address}`, body: new MemorySource(hello) });

    assert.equal(answer.status, 201);
    assert.equal(json(answer)["address"], address);
  });

  it("answers 422 for other bytes, and keeps nothing (GW-22)", async () => {
    const { edge, overlay } = await openSimulated();
    const body = new MemorySource(Buffer.from("hellp"));

    const answer = await send(edge, { method: "PUT", target: `/o/${address}`, body });

    assert.deepEqual([answer.status, json(answer)["code"]], [422, "storage.address-mismatch"]);
    assert.equal(overlay.objects.size, 0);
  });
});
