/** Ciphertext in overlay: put without the index, got by the root of its manifest. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import type { ByteRange } from "#actors/domain/byte-range.ts";
import { decodeManifest } from "#actors/domain/manifest.ts";
import { digest, FakeStorage } from "#test/actors/overlay/fake-storage.ts";
import {
  bytesOf,
  noNames,
  pass,
  readAll,
  type StartedOverlay,
  sourceOf,
  startOverlay,
  within,
} from "#test/actors/overlay/start-overlay.ts";

const bytes = bytesOf(10);
const enc = { format: "test/1" };

async function contentOf({ ref }: StartedOverlay, root: Digest, range?: ByteRange) {
  const got = await ref.call("getByRoot", { root, range }, within);
  assert(got.ok, JSON.stringify(got));
  const { body, ...facts } = got.value;
  return { facts, ...(await readAll(body)) };
}

describe("overlay: a put of ciphertext", () => {
  it("is acknowledged without the index, which never hears of it (OVL-10)", async () => {
    const overlay = await startOverlay();
    overlay.toIndex.calls.length = 0;

    const put = await overlay.ref.call("put", { source: sourceOf(bytes), enc }, within);

    const { manifest } = overlay.fake.storeEncrypted(bytes, [4, 4]);
    const facts = { address: undefined, manifest, sizeBytes: 10, chunkCount: 3 };
    assert.deepEqual(put, { ok: true, value: { ...facts, known: false } });
    assert.deepEqual(overlay.toIndex.calls, []);
    assert.deepEqual((await contentOf(overlay, manifest)).bytes, bytes);
  });

  it("is passed over by the feeder, which tells the index of all else and reaches the end (OVL-9)", async () => {
    const fake = new FakeStorage();
    for (let number = 0; number < 5; number += 1) fake.storeEncrypted(bytesOf(10, number + 1));
    const named = fake.store(bytesOf(10, 99));
    for (let number = 5; number < 8; number += 1) fake.storeEncrypted(bytesOf(10, number + 1));

    const overlay = await startOverlay({ fake });

    const stat = await overlay.ref.call("stat", { address: named.address }, within);
    assert(stat.ok);
    const facts = await overlay.index.ref.call("describe", {}, within);
    assert.deepEqual(facts, { ok: true, value: { entryCount: 1, rebuilding: undefined, names: noNames } });
    overlay.toIndex.calls.length = 0;
    await overlay.crash();
    await pass(overlay, 0);
    assert.deepEqual(overlay.toIndex.calls, ["readCheckpoint", "reportRebuild"], "the checkpoint is past all of them");
  });
});

describe("overlay: getByRoot", () => {
  it("answers with facts and bytes of ciphertext, of all of it and of any part (OVL-10)", async () => {
    const { fake, ...overlay } = await startOverlay();
    const { manifest } = fake.storeEncrypted(bytes, [4, 4]);
    const facts = { manifest, sizeBytes: 10, chunkCount: 3 };

    const whole = await contentOf({ fake, ...overlay }, manifest);
    const part = await contentOf({ fake, ...overlay }, manifest, { first: 3, last: 8 });

    assert.deepEqual(whole, { facts: { ...facts, firstByte: 0, lengthBytes: 10 }, bytes, failure: undefined });
    const partFacts = { ...facts, firstByte: 3, lengthBytes: 6 };
    assert.deepEqual(part, { facts: partFacts, bytes: bytes.subarray(3, 9), failure: undefined });
    assert.deepEqual(await overlay.ref.call("statByRoot", { root: manifest }, within), { ok: true, value: facts });
    assert.equal(fake.open.size, 0);
  });

  it("answers with an object by its root too, and compares its digest as `get` does (OVL-1, OVL-10)", async () => {
    const overlay = await startOverlay();
    const { manifest } = overlay.fake.store(bytes, [4, 4]);
    const claimed = overlay.fake.store(bytesOf(10, 2), [4, 4], overlay.fake.store(bytes).address);

    assert.deepEqual((await contentOf(overlay, manifest)).bytes, bytes);

    const { failure } = await contentOf(overlay, claimed.manifest);
    assert.deepEqual(failure, { code: "storage.corrupt", digest: claimed.manifest });
  });

  it("says what is not held, and of an inner node that it is no root (OVL-11)", async () => {
    const overlay = await startOverlay();
    const cuts = Array.from({ length: 1500 }, () => 1);
    const { manifest } = overlay.fake.storeEncrypted(bytesOf(1500), cuts);
    const decoded = decodeManifest(overlay.fake.nodes.get(manifest) ?? bytes);
    assert(decoded.ok && decoded.value.linkKind === "node");
    const node = decoded.value.links[0]?.digest ?? digest(bytes);
    const root = digest(bytes);

    for (const name of ["getByRoot", "statByRoot"] as const) {
      const unknown = await overlay.ref.call(name, { root }, within);
      assert.deepEqual(unknown, { ok: false, failure: { code: "storage.manifest-not-found", root } });
      const inner = await overlay.ref.call(name, { root: node }, within);
      assert.deepEqual(inner, { ok: false, failure: { code: "overlay.not-a-root", node } });
    }
    assert.equal((await contentOf(overlay, manifest)).bytes.length, 1500);
  });

  it("asks storage each time: what is no longer held is not found in a cache (OVL-11)", async () => {
    const overlay = await startOverlay({ config: { nodeCacheBytesMax: 1_000_000 } });
    const { manifest } = overlay.fake.storeEncrypted(bytes);
    assert.deepEqual((await contentOf(overlay, manifest)).bytes, bytes);

    overlay.fake.nodes.delete(manifest);
    const gone = await overlay.ref.call("getByRoot", { root: manifest }, within);

    assert.deepEqual(gone, { ok: false, failure: { code: "storage.manifest-not-found", root: manifest } });
  });

  it("refuses a range outside, and a chunk that is missing before any byte leaves (OVL-3, OVL-4)", async () => {
    const overlay = await startOverlay();
    const { manifest } = overlay.fake.storeEncrypted(bytes, [4, 4]);

    const outside = await overlay.ref.call("getByRoot", { root: manifest, range: { first: 10 } }, within);
    overlay.fake.chunks.delete(digest(bytes.subarray(4, 8)));
    const missing = await overlay.ref.call("getByRoot", { root: manifest }, within);

    assert.deepEqual(outside, { ok: false, failure: { code: "overlay.range-unsatisfiable", sizeBytes: 10 } });
    const corrupt = { code: "storage.corrupt", digest: digest(bytes.subarray(4, 8)) };
    assert.deepEqual(missing, { ok: false, failure: corrupt });
  });
});
