/** Overlay, index and storage as they are, over a disk and a key-value store of memory. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "#actors/domain/address.ts";
import { indexBehavior } from "#actors/index/actor.ts";
import { indexConfigSchema } from "#actors/index/config.ts";
import { overlayBehavior } from "#actors/overlay/actor.ts";
import { storageBehavior } from "#actors/storage/actor.ts";
import { createHasher } from "#runtime/pool/blake3.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { memoryLocks } from "#runtime/simulated/lock.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import {
  addressIn,
  bytesOf,
  getBytes,
  pass,
  readAll,
  smallOverlayConfig,
  sourceOf,
} from "#test/actors/overlay/start-overlay.ts";
import { smallConfig } from "#test/actors/storage/storage-kit.ts";
import { startActor, testMachine } from "#test/kit/actor.ts";

const within = { timeoutMs: 60_000 };

async function startStore(
  disk: MemoryDisk = new MemoryDisk({ capacityBytes: 1 * GiB }),
  kv: MemoryKvStores = memoryKvStores(),
) {
  const machine = testMachine();
  const room = { machine, capacity: 64, laterMax: 64 };
  const cpu = inlineCpu({ disk });
  const storage = await startActor(
    storageBehavior,
    {
      config: { current: smallConfig },
      directory: "/data",
      ...{ disk, locks: memoryLocks(machine.clock), kv, cpu, scheduler: realScheduler, metrics: new Metrics() },
    },
    room,
  );
  const indexConfig = {
    cacheBytesMax: indexConfigSchema.cacheBytesMax.default,
    pendingEntriesMax: indexConfigSchema.pendingEntriesMax.default,
    mapBytesMax: 1 * MiB,
    writeRetryMsMin: 100,
    writeRetryMsMax: 1000,
  };
  const index = await startActor(
    indexBehavior,
    {
      config: { current: indexConfig },
      ...{ kv, disk, metrics: machine.metrics },
      directory: "/data/index",
      namesDirectory: "/data/names",
    },
    room,
  );
  const overlay = await startActor(
    overlayBehavior,
    {
      config: { current: smallOverlayConfig },
      storage: storage.ref,
      index: index.ref,
      hasher: createHasher,
      metrics: machine.metrics,
    },
    room,
  );
  await pass(overlay, 0);
  const stop = async (): Promise<void> => {
    for (const { actor } of [overlay, index, storage]) await actor.stop();
  };
  return { ...overlay, storage, index, disk, kv, stop };
}

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
