/**
 * A storage actor on a simulated disk, with limits small enough to be met in every run.
 *
 * At the end of every test that started one it proves that no put has kept memory: the quota is whole again.
 */
import assert from "node:assert/strict";
import { after } from "node:test";
import { type StorageDeps, storageBehavior } from "#actors/storage/actor.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { VolumeSettings } from "#actors/storage/open-store.ts";
import type { PackPlace } from "#actors/storage/packs/pack-place.ts";
import type { PutObject, StorageProtocol, StoredObject } from "#actors/storage/protocol.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Result } from "#runtime/errors.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { type LockTable, memoryLocks } from "#runtime/simulated/lock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { GiB, hour, KiB, MiB } from "#runtime/units.ts";
import { type Started, startActor, type TestMachine } from "#test/kit/actor.ts";
import { sourceOver } from "#test/kit/byte-source.ts";

export const within = { timeoutMs: 60_000 };
export const directory = "/data";

export const smallConfig: StorageConfig = {
  objectSizeBytesMax: 64 * MiB,
  objectChunksMax: 2048,
  openPacksMax: 3,
  packSealBytes: 4 * MiB,
  reserveBytes: 1 * MiB,
  reserveFileBytes: 0,
  storedBytesMax: 0,
  packsMax: 1_000_000,
  writeQuotaBytes: 8 * MiB,
  readDescriptorsMax: 2,
  trashMs: 1000,
  collectIntervalMs: 24 * hour,
  compactBelowPercent: 50,
  scrubPeriodMs: 720 * hour,
  collectBytesPerSecondMax: 64 * GiB,
  uploadsMax: 3,
  stagingBytesMax: 64 * MiB,
  uploadAgeMsMax: 1 * hour,
  repairBytesPerSecondMax: 64 * GiB,
  repairOpsPerSecondMax: 1_000_000,
  repairDelayMs: 15 * 60 * 1000,
};

export interface StorageKit extends Started<StorageProtocol> {
  readonly disk: MemoryDisk;
  readonly kv: KvStores;
  /** The value of a metric that has no labels; undefined if it never was counted. To be asked once. */
  metric(name: string): number | undefined;
  /** Of the write quota, in the hands of puts, or left behind by them. For lives that end before their puts do, nothing. */
  heldBytes(): { readonly reservedBytes: number; readonly orphanedBytes: number };
}

export interface KitOptions {
  readonly disk?: MemoryDisk;
  readonly kv?: KvStores;
  readonly config?: Partial<StorageConfig>;
  readonly volumes?: VolumeSettings;
  /** Of the volumes: who holds them. */
  readonly locks?: LockTable;
  /** Where the packs are, if they are not beside the catalog. */
  readonly elsewhere?: PackPlace;
  /** One that reads from the disk given, if it is not said. */
  readonly cpu?: Cpu;
  /** Whose time it is, where that is to pass before there is a kit. */
  readonly machine?: TestMachine;
}

export async function startStorage(options: KitOptions = {}): Promise<StorageKit> {
  const { disk, kv, config, cpu, volumes, locks, elsewhere, machine } = options;
  const ownDisk = disk ?? new MemoryDisk({ capacityBytes: 1 * GiB });
  const own = storageDeps(volumes, {
    disk: ownDisk,
    kv: kv ?? memoryKvStores(),
    config: { ...smallConfig, ...config },
    cpu: cpu ?? inlineCpu({ disk: ownDisk }),
    locks: locks ?? new Map(),
  });
  const deps = elsewhere === undefined ? own : { ...own, elsewhere };
  let heldBytes: StorageKit["heldBytes"] = () => ({ reservedBytes: 0, orphanedBytes: 0 });
  const watched: typeof storageBehavior = {
    ...storageBehavior,
    init: async (...life) => {
      const state = await storageBehavior.init(...life);
      heldBytes = () => {
        const { reservedBytes = 0, orphanedBytes = 0 } = state.store.writeMemory ?? {};
        return { reservedBytes, orphanedBytes };
      };
      return state;
    },
  };
  const started = await startActor(watched, deps, {
    capacity: 512,
    laterMax: 512,
    ...(machine === undefined ? {} : { machine }),
  });
  const kit = Object.assign(started, {
    disk: deps.disk,
    kv: deps.kv,
    metric: (name: string) => deps.metrics.takeDeltas().find((delta) => delta.name === name)?.value,
    heldBytes: () => heldBytes(),
  });
  after(() => holdsNothing(kit));
  return kit;
}

/** No put holds memory any more, a few turns after the last one was answered. On a dead disk puts never end. */
async function holdsNothing({ heldBytes, disk }: Pick<StorageKit, "heldBytes" | "disk">): Promise<void> {
  let isDead = true;
  void disk.list(directory).then(() => {
    isDead = false;
  });
  for (let turn = 0; turn < 100 && (isDead || heldBytes().reservedBytes > 0); turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  if (isDead) return;
  assert.deepEqual(heldBytes(), { reservedBytes: 0, orphanedBytes: 0 }, "every put has given its memory back");
}

function storageDeps(
  volumes: VolumeSettings | undefined,
  {
    disk,
    kv,
    config,
    cpu,
    locks,
  }: { disk: MemoryDisk; kv: KvStores; config: StorageConfig; cpu: Cpu; locks: LockTable },
): StorageDeps & { disk: MemoryDisk; kv: KvStores } {
  const deps = {
    config: { current: config },
    directory,
    disk,
    locks: memoryLocks(realClock, { table: locks }),
    kv,
    cpu,
    scheduler: realScheduler,
    metrics: new Metrics(),
  };
  return volumes === undefined ? deps : { ...deps, volumes };
}

/** Bytes that do not compress, repeat or dedup by accident; a function of the seed. */
export function randomBytes(sizeBytes: number, seed: number): Uint8Array {
  return seededRandom(seed).bytes(sizeBytes);
}

/** A source over bytes, handed out in pieces of `pieceBytes`; it fails where `failAt` says. */
export function sourceOf(bytes: Uint8Array, pieceBytes: number = 48 * KiB, failAt?: number): ByteSource {
  return sourceOver(bytes, { pieceBytes: () => pieceBytes, failAt, failure: { code: "test.broken-off" } });
}

export async function put(
  { ref }: Pick<StorageKit, "ref">,
  bytes: Uint8Array,
  options: Partial<PutObject> = {},
): Promise<Result<StoredObject>> {
  return await ref.call("putObject", { source: sourceOf(bytes), ...options }, within);
}

/** Reads a source to its end, in reads of `pieceBytes`; undefined if it failed. */
export async function readAll(source: ByteSource, pieceBytes: number = 100_000): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const into = new Uint8Array(pieceBytes);
    const count = await source.read(into);
    if (count === ENDED) return Buffer.concat(parts);
    if (count === FAILED) return undefined;
    assert(count > 0 && count <= pieceBytes, "a read answers with what it wrote");
    parts.push(into.subarray(0, count));
  }
}

/** As long as a rebuild may take on a real disk, which may have others to serve. */
export const REAL_MS = 60_000;

/** Waits for a rebuild to end, on disks that answer without delay; on a real one for `realMs` at least. */
export async function whole({ ref }: Pick<StorageKit, "ref">, realMs = 0): Promise<void> {
  const endMs = performance.now() + realMs;
  for (let turn = 0; turn < 100_000 || performance.now() < endMs; turn += 1) {
    const facts = await ref.call("describe", {}, within);
    if (facts.ok && facts.value.rebuilding === undefined) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  assert.fail("a rebuild ends");
}

/** Total bytes of the packs. */
export async function packBytes(disk: MemoryDisk): Promise<number> {
  const listed = await disk.list(`${directory}/packs`);
  assert(listed.ok);
  return listed.value.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
