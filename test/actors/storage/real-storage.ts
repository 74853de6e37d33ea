/** Storage on the machine's own disk, LMDB, lock and thread pool, wired as a cell wires it. */
import assert from "node:assert/strict";
import { actorModule } from "#actors/storage/actor.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { PackPlace } from "#actors/storage/packs/pack-place.ts";
import type { StorageProtocol } from "#actors/storage/protocol.ts";
import type { VolumeConfig } from "#actors/storage/volume-config.ts";
import type { BucketPlace } from "#runtime/bucket/place.ts";
import { Bus } from "#runtime/bus.ts";
import type { Clock } from "#runtime/clock.ts";
import { Machine } from "#runtime/machine.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealCpu } from "#runtime/real/cpu.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { createExchange } from "#runtime/real/exchange.ts";
import { createLmdbStores } from "#runtime/real/kv.ts";
import { fileLocks } from "#runtime/real/lock.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { createRealProcesses } from "#runtime/real/processes.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { Scope } from "#runtime/scope.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { GiB, hour, KiB, MiB } from "#runtime/units.ts";
import { type Started, silentLog, startActor } from "#test/kit/actor.ts";

export interface RealStorage extends Started<StorageProtocol> {
  /** Ends the actor, then what it was wired with: another process, or this one, may open the store. */
  close(): Promise<void>;
}

export interface RealOptions {
  readonly config?: Partial<StorageConfig & VolumeConfig>;
  /** What the wait for the lock is measured with. */
  readonly lockClock?: Clock;
  /** Instead of the pool of a cell. */
  readonly cpu?: Cpu;
  /** Where the packs are, if they are not beside the catalog. */
  readonly elsewhere?: PackPlace;
}

/** Small packs, so that uploads fill several and some are sealed in every run. */
const realConfig: StorageConfig = {
  objectSizeBytesMax: 64 * MiB,
  objectChunksMax: 2048,
  openPacksMax: 3,
  packSealBytes: 2 * MiB,
  reserveBytes: 64 * KiB,
  reserveFileBytes: 0,
  storedBytesMax: 0,
  packsMax: 1_000_000,
  writeQuotaBytes: 8 * MiB,
  readDescriptorsMax: 4,
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

/** Time inside the actor is real; `clock` of what is answered stands still. */
export async function startRealStorage(dataDirectory: string, options: RealOptions = {}): Promise<RealStorage> {
  const metrics = new Metrics();
  const log = silentLog;
  const bus = new Bus<{ readonly type: string }>({ clock: realClock, metrics });
  const cpu = options.cpu ?? createRealCpu({ clock: realClock, threads: 2 });
  const scope = new Scope();
  scope.add(() => cpu.close());
  const http = { host: "127.0.0.1", port: 0 };
  const status = () => ({ cells: [], actors: [], servers: [], unavailable: [], shuttingDown: false });
  const node = { dataDirectory, http, insecurePublic: false, amnesia: false, version: "test", addresses: {}, status };
  const locks = fileLocks(options.lockClock ?? realClock);
  const env = {
    clock: realClock,
    random: createRealRandom(),
    scheduler: realScheduler,
    disk: createRealDisk(),
    network: realNetwork,
    processes: createRealProcesses(),
    kv: createLmdbStores(realClock),
    edges: { listen: () => assert.fail("storage listens to nobody") },
    exchanges: async (place: BucketPlace) => createExchange(place),
    sql: () => assert.fail("nobody is asked"),
    redis: () => assert.fail("nobody is asked"),
    locks,
    log,
    metrics,
    bus,
    cpu,
    listens: () => assert.fail("storage listens to nobody"),
    node,
  };
  const inDirectory = { s3: "", s3Style: "path", s3Region: "us-east-1" };
  const withoutVolumes = { volumes: [], erasure: "auto" };
  const config = { current: { ...realConfig, ...inDirectory, ...withoutVolumes, ...options.config } };
  const ref = () => assert.fail("storage calls nobody");
  const wired = Promise.resolve(actorModule.wire({ env, config, scope, ref, refIfAny: ref }));
  wired.catch(() => scope.close());
  const { elsewhere } = options;
  const deps = { ...(await wired), ...(elsewhere === undefined ? {} : { elsewhere }) };

  const machine = new Machine(env);
  const shared = { machine, clock: new ManualClock(), metrics, bus };
  const limits = { capacity: 512, laterMax: 512, shutdownMs: 10_000 };
  const started = await startActor(actorModule.behavior, deps, { ...limits, machine: shared });
  const close = async (): Promise<void> => {
    await started.actor.stop();
    await scope.close();
  };
  return Object.assign(started, { close });
}
