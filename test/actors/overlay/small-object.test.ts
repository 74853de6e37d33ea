/** Objects of one small chunk: read in one answer, and remembered (OVL-20). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "#actors/domain/address.ts";
import { SMALL_OBJECT_BYTES_MAX } from "#actors/overlay/small-object.ts";
import type { ManifestNotFound } from "#actors/storage/protocol.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import {
  bytesOf,
  failureOf,
  getBytes,
  pass,
  startOverlay,
  stored,
  within,
} from "#test/actors/overlay/start-overlay.ts";

const bytes = bytesOf(100);
const address = addressOf(digest(bytes));

describe("overlay: an object of one small chunk", () => {
  it("comes whole, and the next time storage alone is asked for it, once", async () => {
    const overlay = await stored(bytes);
    const first = await overlay.ref.call("get", { address }, within);
    overlay.toIndex.calls.length = 0;
    overlay.toStorage.calls.length = 0;

    const again = await overlay.ref.call("get", { address }, within);

    assert(first.ok && first.value.body instanceof Uint8Array);
    assert.deepEqual(again, first);
    assert.deepEqual(Buffer.from(first.value.body), bytes);
    assert.deepEqual([overlay.toIndex.calls, overlay.toStorage.calls], [[], ["readSmallObject"]]);
  });

  it("comes in the part that is asked for", async () => {
    const overlay = await stored(bytes);
    for (const _ of ["looked up", "remembered"]) {
      assert.deepEqual((await getBytes(overlay, address, { first: 10, last: 19 })).bytes, bytes.subarray(10, 20));
      assert.deepEqual((await getBytes(overlay, address, { suffix: 7 })).bytes, bytes.subarray(93));
      const outside = await overlay.ref.call("get", { address, range: { first: 100 } }, within);
      assert.deepEqual(outside, { ok: false, failure: { code: "overlay.range-unsatisfiable", sizeBytes: 100 } });
    }
  });

  it("is unknown from the moment it is removed, and there again when it is restored", async () => {
    const overlay = await stored(bytes);
    await getBytes(overlay, address);

    assert((await overlay.ref.call("remove", { address }, within)).ok);
    // Storage may not know any more what was removed: it is index that is asked (STO-96).
    overlay.toStorage.calls.length = 0;
    assert.deepEqual(await failureOf(overlay, "get", address), { code: "overlay.unknown", address });
    assert.deepEqual(overlay.toStorage.calls, []);

    assert((await overlay.ref.call("restore", { address }, within)).ok);
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
  });

  it("is unknown when storage has removed it, whatever part is asked for (OVL-15)", async () => {
    const overlay = await stored(bytes);
    await getBytes(overlay, address);
    overlay.fake.removed.add(overlay.fake.commits[0]?.manifest ?? digest(bytes));

    const outside = await overlay.ref.call("get", { address, range: { first: 100 } }, within);

    assert.deepEqual(outside, { ok: false, failure: { code: "overlay.unknown", address } });
  });

  it("is looked up again where storage has it no more under the manifest that was remembered", async () => {
    const overlay = await stored(bytes);
    await getBytes(overlay, address);
    const { manifest } = overlay.fake.store(bytes, [50]);
    overlay.fake.removed.add(overlay.fake.commits[0]?.manifest ?? manifest);
    await pass(overlay, 120_000);

    const got = await overlay.ref.call("get", { address }, within);

    assert(got.ok, JSON.stringify(got));
    assert.equal(got.value.manifest, manifest);
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
  });

  it("is damaged where its chunk or its manifest is gone, or is of another length than its manifest says", async () => {
    const overlay = await stored(bytes);
    await getBytes(overlay, address);
    const chunk = digest(bytes);
    const { manifest } = overlay.fake.store(bytes);
    overlay.fake.chunks.set(chunk, bytes.subarray(1));
    assert.deepEqual(await failureOf(overlay, "get", address), { code: "storage.corrupt", digest: manifest });

    overlay.fake.chunks.delete(chunk);
    assert.deepEqual(await failureOf(overlay, "get", address), { code: "storage.corrupt", digest: chunk });

    const notFound: ManifestNotFound = { code: "storage.manifest-not-found", root: manifest };
    overlay.toStorage.answer("readSmallObject", notFound);
    assert.deepEqual(await failureOf(overlay, "get", address), { code: "storage.corrupt", digest: manifest });
  });

  it("is read as a stream where it is longer than one answer may be", async () => {
    const overlay = await startOverlay();
    const [largest, larger] = [bytesOf(SMALL_OBJECT_BYTES_MAX), bytesOf(SMALL_OBJECT_BYTES_MAX + 1)];
    for (const each of [largest, larger]) overlay.fake.store(each);
    await pass(overlay, 120_000);

    for (const each of [largest, larger]) {
      const got = await overlay.ref.call("get", { address: addressOf(digest(each)) }, within);
      assert(got.ok);
      assert.equal(got.value.body instanceof Uint8Array, each === largest);
    }
  });
});
