/** Overlay, index and storage as they are, over a disk and a key-value store of memory. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "#actors/domain/address.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import { startStore } from "#test/actors/overlay/real-store.ts";
import { addressIn, bytesOf, getBytes, pass, readAll, sourceOf } from "#test/actors/overlay/start-overlay.ts";

const within = { timeoutMs: 60_000 };

describe("overlay with the real storage and index", () => {
  for (const sizeBytes of [0, 1, 64 * KiB, 64 * KiB + 1, 5 * MiB + 7]) {
    it(`puts ${sizeBytes} bytes and gets them, whole and in part (OVL-1, OVL-8)`, async () => {
      const store = await startStore();
      const bytes = bytesOf(sizeBytes);

      const put = await store.ref.call("put", { source: sourceOf(bytes, 100_000) }, within);

      assert(put.ok, JSON.stringify(put));
      assert.equal(put.value.address, addressOf(digest(bytes)));
      for (const bufferBytes of [10_000, 256 * KiB]) {
        const whole = await getBytes(store, put.value.address, undefined, bufferBytes);
        assert.equal(whole.failure, undefined);
        assert(whole.bytes.equals(bytes));
      }
      const stat = await store.ref.call("stat", { address: addressIn(put.value) }, within);
      assert(stat.ok);
      const { known: _known, ...facts } = put.value;
      assert.deepEqual(stat.value, facts);
      if (sizeBytes < 2) return;
      const first = Math.floor(sizeBytes / 3);
      const part = await getBytes(store, put.value.address, { first, last: sizeBytes - 2 });
      assert(part.bytes.equals(bytes.subarray(first, sizeBytes - 1)));
    });
  }

  it("finds every object again after a restart without the index's store (OVL-9)", async () => {
    const store = await startStore();
    const objects = [1, 2, 3, 4, 5].map((seed) => bytesOf(1000 * seed, seed));
    for (const bytes of objects) assert((await store.ref.call("put", { source: sourceOf(bytes) }, within)).ok);
    await store.stop();
    store.kv.remove("/data/index");

    const next = await startStore(store.disk, store.kv);
    await pass(next, 2000);

    assert.deepEqual(next.index.actor.health, { state: "ready", reason: undefined });
    for (const bytes of objects) assert((await getBytes(next, addressOf(digest(bytes)))).bytes.equals(bytes));
  });

  it("never hands out a byte that decayed on disk, and says which chunk it was (OVL-1)", async () => {
    const store = await startStore();
    const bytes = bytesOf(5 * MiB);
    const put = await store.ref.call("put", { source: sourceOf(bytes) }, within);
    assert(put.ok);
    const packs = await store.disk.list("/data/packs");
    assert(packs.ok);
    const largest = packs.value.toSorted((one, other) => other.sizeBytes - one.sizeBytes)[0];
    assert(largest !== undefined);
    store.disk.flipByte(`/data/packs/${largest.name}`, Math.floor(largest.sizeBytes / 2));

    const got = await store.ref.call("get", { address: addressIn(put.value) }, within);
    assert(got.ok);
    const { bytes: delivered, failure } = await readAll(got.value.body);

    assert.equal(failure?.code, "storage.corrupt");
    assert(delivered.length < bytes.length);
    assert(delivered.equals(bytes.subarray(0, delivered.length)));
  });

  it("goes on after storage crashed in the middle of puts: what was acknowledged is there (OVL-8)", async () => {
    const store = await startStore();
    const puts = [1, 2, 3, 4, 5, 6].map((seed) => {
      const bytes = bytesOf(50_000 * seed, seed);
      const answer = store.ref.call("put", { source: sourceOf(bytes, 10_000) }, within);
      return { bytes, answer };
    });
    await store.storage.crash();
    await pass(store, 2000);

    for (const { bytes, answer } of puts) {
      const put = await answer;
      if (put.ok) assert((await getBytes(store, addressIn(put.value))).bytes.equals(bytes));
      else assert.equal(put.failure.code, "overlay.unavailable");
    }
    const again = await store.ref.call("put", { source: sourceOf(bytesOf(10)) }, within);
    assert(again.ok);
  });
});
