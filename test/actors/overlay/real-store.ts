/** Overlay, index and storage as they are, over a disk and a key-value store of memory. */
import { indexBehavior } from "#actors/index/actor.ts";
import { indexConfigSchema } from "#actors/index/config.ts";
import type { IndexProtocol } from "#actors/index/protocol.ts";
import { overlayBehavior } from "#actors/overlay/actor.ts";
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import { storageBehavior } from "#actors/storage/actor.ts";
import type { StorageProtocol } from "#actors/storage/protocol.ts";
import { createHasher } from "#runtime/pool/blake3.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { memoryLocks } from "#runtime/simulated/lock.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { GiB, MiB } from "#runtime/units.ts";
import { Probe, pass, smallOverlayConfig } from "#test/actors/overlay/start-overlay.ts";
import { smallConfig } from "#test/actors/storage/storage-kit.ts";
import { type Started, startActor, testMachine } from "#test/kit/actor.ts";

export interface StartedStore extends Started<OverlayProtocol> {
  readonly storage: Started<StorageProtocol>;
  readonly index: Started<IndexProtocol>;
  /** What overlay asks of them. */
  readonly toStorage: Probe;
  readonly toIndex: Probe;
  readonly disk: MemoryDisk;
  readonly kv: MemoryKvStores;
  readonly stop: () => Promise<void>;
}

export async function startStore(
  disk: MemoryDisk = new MemoryDisk({ capacityBytes: 1 * GiB }),
  kv: MemoryKvStores = memoryKvStores(),
): Promise<StartedStore> {
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
  const [toStorage, toIndex] = [new Probe(), new Probe()];
  const overlay = await startActor(
    overlayBehavior,
    {
      config: { current: smallOverlayConfig },
      storage: toStorage.over(storage.ref),
      index: toIndex.over(index.ref),
      hasher: createHasher,
      metrics: machine.metrics,
    },
    room,
  );
  await pass(overlay, 0);
  const stop = async (): Promise<void> => {
    for (const { actor } of [overlay, index, storage]) await actor.stop();
  };
  return { ...overlay, storage, index, toStorage, toIndex, disk, kv, stop };
}
