/** Ciphertext through gateway: put with `Cepa-Enc`, read by the root of its manifest. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import type { SimulatedAnswer } from "#runtime/simulated/edge.ts";
import { MemorySource, manifestOf } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
const elsewhere = `b3:${"0".repeat(64)}`;

async function open() {
  const opened = await openSimulated();
  const { edge, overlay } = opened;
  const put = (headers: Record<string, string>, target = "/put"): Promise<SimulatedAnswer> =>
    send(edge, { method: "PUT", target, body: new MemorySource(bytes), contentLength: bytes.length, headers });
  const root: Digest = manifestOf(overlay.add(bytes));
  overlay.objects.clear();
  return { ...opened, put, root };
}

describe("gateway: PUT /put with Cepa-Enc", () => {
  it("answers with the root and no address, and is stored in fixed chunks under the format's name (GW-24)", async () => {
    const { overlay, put, root } = await open();

    const first = await put({ "cepa-enc": "cepa-private/1" });
    const again = await put({ "cepa-enc": "cepa-private/1", "cepa-chunker": "fixed/1" });

    assert.deepEqual([first.status, again.status], [201, 200]);
    assert.deepEqual(json(first), { size: 1000, chunks: 1, manifest: root });
    assert.equal(first.headers["location"], `/m/${root}/data`);
    assert.deepEqual(overlay.encs, [{ format: "cepa-private/1" }, { format: "cepa-private/1" }]);
    assert.deepEqual(overlay.chunkers, ["fixed/1", "fixed/1"]);
  });

  it("takes a name of 64 characters, and refuses one more before it reads a byte (GW-24)", async () => {
    const { overlay, put } = await open();

    const atLimit = await put({ "cepa-enc": "a".repeat(64) });
    const refused = [];
    for (const name of ["a".repeat(65), "", "A/1", "a b", ".a", "é"]) refused.push(await put({ "cepa-enc": name }));

    assert.equal(atLimit.status, 201);
    for (const answer of refused) {
      assert.deepEqual([answer.status, json(answer)["code"]], [400, "gateway.bad-enc"]);
    }
    assert.deepEqual([overlay.calls.length, overlay.receivedBytes], [1, 1000]);
  });

  it("refuses it with an address to be met, or with a chunker whose cuts follow the content (GW-24)", async () => {
    const { overlay, put } = await open();
    const enc = { "cepa-enc": "cepa-private/1" };

    const answers = [await put(enc, `/o/${elsewhere}`), await put({ ...enc, "cepa-chunker": "gear-nc2/1" })];

    for (const answer of answers) {
      assert.deepEqual([answer.status, json(answer)["code"]], [400, "gateway.bad-enc"]);
    }
    assert.deepEqual(overlay.calls, []);
  });
});

describe("gateway: GET /m/<root>/data", () => {
  async function openWith(content: Uint8Array = bytes) {
    const opened = await openSimulated();
    const root: Digest = manifestOf(opened.overlay.add(content));
    const get = (headers: Record<string, string> = {}, method = "GET"): Promise<SimulatedAnswer> =>
      send(opened.edge, { method, target: `/m/${root}/data`, headers });
    return { ...opened, root, get };
  }

  it("answers with the bytes and the headers of an object, named by the root (GW-14)", async () => {
    const { get, root } = await openWith();

    const answer = await get({ "x-correlation-id": "mine" });
    const head = await get({ "x-correlation-id": "mine" }, "HEAD");

    const headers = {
      "accept-ranges": "bytes",
      vary: "Accept",
      "cache-control": "public, max-age=31536000, immutable",
      "content-length": "1000",
      "content-security-policy": "sandbox; default-src 'none'",
      "content-type": "application/octet-stream",
      etag: `"b3:${root}"`,
      "x-content-type-options": "nosniff",
      "x-correlation-id": "mine",
    };
    assert.deepEqual(answer, { status: 200, headers, body: Buffer.from(bytes), complete: true });
    assert.deepEqual(head, { status: 200, headers, body: Buffer.alloc(0), complete: true });
  });

  it("answers a range with 206, one outside with 416, and 304 where the client has it (GW-11, GW-14)", async () => {
    const { get, root, edge } = await openWith();

    const part = await get({ range: "bytes=990-" });
    const last = await get({ range: "bytes=-10" });
    const outside = await get({ range: "bytes=1000-" });
    const known = await get({ "if-none-match": `"b3:${root}"` });
    const prefixed = await send(edge, { target: `/m/b3:${root}/data` });

    assert.deepEqual([part.status, part.headers["content-range"]], [206, "bytes 990-999/1000"]);
    assert.deepEqual([...part.body], [...bytes.subarray(990)]);
    assert.deepEqual([last.status, [...last.body]], [206, [...bytes.subarray(990)]]);
    assert.deepEqual([outside.status, outside.headers["content-range"]], [416, "bytes */1000"]);
    assert.equal(known.status, 304);
    assert.equal(prefixed.status, 200);
  });

  it("streams what is large, and cuts it where it is damaged (GW-12)", async () => {
    const { get, overlay } = await openWith(Buffer.alloc(1_000_000, "cepa"));

    const whole = await get();
    overlay.failing = { afterBytes: 600_000, failure: { code: "storage.corrupt" } };
    const cut = await get();

    assert(whole.complete && Buffer.alloc(1_000_000, "cepa").equals(whole.body));
    assert(!cut.complete && cut.body.length < 1_000_000);
  });

  for (const [failure, status] of [
    [{ code: "storage.manifest-not-found" }, 404],
    [{ code: "overlay.not-a-root" }, 404],
    [{ code: "storage.corrupt" }, 502],
    [{ code: "storage.rebuilding" }, 503],
    [{ code: "overlay.unavailable" }, 503],
  ] as const) {
    it(`says ${failure.code} with ${status}`, async () => {
      const { get, overlay } = await openWith();
      overlay.failures.getByRoot = failure;
      overlay.failures.statByRoot = failure;

      const [got, head] = [await get(), await get({}, "HEAD")];

      assert.deepEqual([got.status, json(got)["code"], head.status], [status, failure.code, status]);
    });
  }
});
