/** Storage: `protocol.ts` says what it promises, `config.ts` what its limits are. */
import { parseErasure } from "#actors/domain/erasure-profile.ts";
import { describeDamage, type StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import { type StorageConfig, storageConfigSchema } from "#actors/storage/config.ts";
import { Meters } from "#actors/storage/meters.ts";
import type { Progress, VolumeSettings } from "#actors/storage/open-store.ts";
import { type BucketConfig, bucketConfigSchema, checkBucketConfig } from "#actors/storage/packs/bucket-config.ts";
import { findPackPlace, type PackPlace, problemWithCredentials } from "#actors/storage/packs/pack-place.ts";
import { problemWithPlace } from "#actors/storage/place.ts";
import type { StorageEvents, StorageProtocol } from "#actors/storage/protocol.ts";
import { openStaging } from "#actors/storage/staging/open-staging.ts";
import type { Staging } from "#actors/storage/staging/staging.ts";
import { Store } from "#actors/storage/store.ts";
import { checkVolumeConfig, type VolumeConfig, volumeConfigSchema } from "#actors/storage/volume-config.ts";
import type { ActorModule, ConfigView } from "#runtime/actor-module.ts";
import type { ActorContext, Behavior } from "#runtime/behavior.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { type Failure, must, ok, type Result } from "#runtime/errors.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import type { Locks } from "#runtime/lock/lock.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { minute, second } from "#runtime/units.ts";

/** How long a start waits for the process that held the store before, ms. */
export const STORE_LOCK_WAIT_MS: number = 15 * second;
/** Longest time that a commit is only in the packs and not in the catalog's store, ms: what a restart looks at again. */
export const CATALOG_FLUSH_INTERVAL_MS: number = 1 * second;

/** How often uploads in pieces are looked through for those that are too old, or still to be stored, ms. */
export const UPLOAD_SWEEP_INTERVAL_MS: number = 1 * minute;

export interface StorageDeps {
  readonly config: ConfigView<StorageConfig>;
  readonly directory: string;
  readonly disk: Disk;
  readonly elsewhere?: PackPlace;
  readonly volumes?: VolumeSettings;
  /** Of the volumes. */
  readonly locks: Pick<Locks, "acquire">;
  readonly kv: KvStores;
  readonly cpu: Cpu;
  readonly scheduler: Scheduler;
  readonly metrics: Metrics;
}

interface StorageState {
  readonly store: Store;
  readonly staging: Staging;
  readonly meters: Meters;
}

/** Why health is degraded. */
interface Troubles {
  bucket: string | undefined;
  catalog: string | undefined;
  reserve: string | undefined;
  journals: string | undefined;
  packs: string | undefined;
  volumes: string | undefined;
}

type Context = ActorContext<StorageEvents, StorageState>;

export const storageBehavior: Behavior<StorageProtocol, StorageEvents, StorageDeps, StorageState> = {
  name: "storage",

  init: async ({ config, metrics, ...deps }, ctx) => {
    const { clock, random, log, scope, signal } = ctx;
    let rebuild: Progress | undefined;
    const troubles: Troubles = {
      bucket: undefined,
      catalog: undefined,
      journals: undefined,
      packs: undefined,
      reserve: undefined,
      volumes: undefined,
    };
    const meters = new Meters(metrics);
    const onJournalDamaged = (damage: StorageJournalDamaged): void => {
      const words = describeDamage(damage);
      log.error("journal damaged", { cause: words });
      troubles.journals = troubles.journals === undefined ? words : `${troubles.journals}; ${words}`;
      tellHealth(rebuild, troubles, ctx);
    };
    const { elsewhere } = deps;
    if (elsewhere !== undefined) {
      const tellOutage = (): void => {
        const { cause } = elsewhere.outage;
        troubles.bucket = cause === undefined ? undefined : `the bucket ${elsewhere.bucket} does not answer: ${cause}`;
        tellHealth(rebuild, troubles, ctx);
      };
      scope.add(elsewhere.outage.watch(tellOutage));
      tellOutage();
    }
    const store = await Store.open({
      ...deps,
      clock,
      random,
      log,
      config: () => config.current,
      meters,
      onDamaged: (chunk, damage) => {
        meters.damaged.add();
        log.error("record damaged", { digest: chunk, damage });
        ctx.publish("chunkDamaged", { chunk });
      },
      onDefect: (defect) => endWith(defect, ctx),
      onRebuild: (progress) => {
        rebuild = progress;
        tellHealth(rebuild, troubles, ctx);
      },
      onCatalogTrouble: (now) => {
        troubles.catalog = now;
        if (now !== undefined) log.warn("catalog trouble", { cause: now });
        tellHealth(rebuild, troubles, ctx);
      },
      onReserveTrouble: (now) => {
        troubles.reserve = now;
        tellHealth(rebuild, troubles, ctx);
      },
      onPackTrouble: (now) => {
        troubles.packs = now;
        tellHealth(rebuild, troubles, ctx);
      },
      onJournalDamaged,
      onVolumeTrouble: (now) => {
        troubles.volumes = now;
        tellHealth(rebuild, troubles, ctx);
      },
      signal,
      scope,
    });
    crashWith(store.recovered, ctx);
    flushAgain(ctx);
    const onDefect = (defect: unknown): void => endWith(defect, ctx);
    const staging = openStaging({ ...deps, config: () => config.current, store, onDefect, onJournalDamaged }, ctx);
    crashWith(
      store.recovered.then(() => staging.sweep()),
      ctx,
    );
    sweepAgain(ctx);
    return { store, staging, meters };
  },

  failpoints: ["put-taken", "put-durable", "remove-durable", "upload-appended"],

  handlers: {
    putObject: ({ store }, put, ctx) => {
      ctx.maybe("put-taken");
      return ctx.later(
        (task) => store.put(put, task),
        ({ meters }, stored, settled) => {
          if (!stored.ok) return stored;
          settled.maybe("put-durable");
          const { address, sizeBytes, known } = stored.value;
          if (!known) {
            meters.bytesIn.add(sizeBytes);
            settled.publish("objectCommitted", { address, sizeBytes });
          }
          return stored;
        },
      );
    },

    getManifest: ({ store }, { root, address }, ctx) =>
      ctx.later(
        () => store.manifest(root, address),
        (_, manifest) => manifest,
      ),

    isHeld: ({ store }, { root }) => ok(store.isHeld(root)),

    isDamaged: ({ store }, { root }, ctx) =>
      ctx.later(
        () => store.isDamaged(root),
        (_, isDamaged) => ok(isDamaged),
      ),

    // No task: looking up is done at once, and the source lives on after the answer.
    readChunks: ({ store }, { slices }) => {
      const source = store.read(slices);
      return source.ok ? ok({ source: source.value }) : source;
    },

    // No task where the bytes are at hand: what is asked for all the time is answered at once.
    readSmallObject: ({ store, meters }, { chunk, root }, ctx) => {
      const held = store.mayRead(root, chunk);
      if (!held.ok) return held;
      const known = store.remembered(chunk);
      if (known === undefined) return ctx.later(() => store.chunk(chunk), bytesRead);
      meters.bytesOut.add(known.length);
      return ok(known);
    },

    listManifests: ({ store }, { after, limit }, ctx) =>
      ctx.later(
        () => store.list(after, limit),
        (_, page) => page,
      ),

    removeObject: ({ store }, held, ctx) =>
      ctx.later(
        () => store.keep((keeping) => keeping.remove(held)),
        (_, removed, settled) => {
          if (!removed.ok) return removed;
          settled.maybe("remove-durable");
          return ok({ restorableUntilMs: removed.value });
        },
      ),

    findCommitted: ({ store }, { root }, ctx) =>
      ctx.later(
        () => store.keep(async (keeping) => keeping.find(root)),
        (_, found) => found,
      ),

    findHeld: ({ store }, { root }, ctx) =>
      ctx.later(
        () => store.keep(async (keeping) => keeping.findHeld(root)),
        (_, found) => found,
      ),

    findRemoved: ({ store }, removed, ctx) =>
      ctx.later(
        () => store.keep(async (keeping) => keeping.findRemoved(removed)),
        (_, found) => found,
      ),

    restoreObject: ({ store }, removed, ctx) =>
      ctx.later(
        () => store.keep((keeping) => keeping.restore(removed)),
        (_, restored) => restored,
      ),

    pinObject: ({ store }, { untilMs, ...held }, ctx) =>
      ctx.later(
        () => store.keep((keeping) => keeping.pin(held, untilMs)),
        (_, pinned) => pinned,
      ),

    unpinObject: ({ store }, held, ctx) =>
      ctx.later(
        () => store.keep((keeping) => keeping.unpin(held)),
        (_, unpinned) => unpinned,
      ),

    listTrash: ({ store }, { after, limit }, ctx) =>
      ctx.later(
        () => store.keep(async (keeping) => ok(await keeping.listTrash(after, limit))),
        (_, listed) => listed,
      ),

    collectGarbage: ({ store }, { emptyTrash }) => store.collect(emptyTrash),

    scrubNow: ({ store }) => store.scrubNow(),

    describeVolumes: ({ store: { volumeDesk } }) => (volumeDesk.ok ? ok(volumeDesk.value.facts) : volumeDesk),

    repair: ({ store: { volumeDesk } }, { action }) =>
      volumeDesk.ok ? ok(volumeDesk.value.repair(action)) : volumeDesk,

    forgetVolume: ({ store: { volumeDesk } }, forget, ctx) =>
      ctx.later(
        async () => (volumeDesk.ok ? await volumeDesk.value.forget(forget) : volumeDesk),
        (_, facts) => facts,
      ),

    beginUpload: ({ staging }, begun, ctx) =>
      ctx.later(
        () => staging.begin(begun),
        (_, facts) => facts,
      ),

    appendUpload: ({ staging }, append, ctx) =>
      ctx.later(
        (task) => staging.append(append, task),
        (_, facts, settled) => {
          settled.maybe("upload-appended");
          return facts;
        },
      ),

    statUpload: ({ staging }, { upload, waitMs }, ctx) =>
      ctx.later(
        (task) => staging.stat(upload, waitMs, task),
        (_, facts) => facts,
      ),

    cancelUpload: ({ staging }, { upload }, ctx) =>
      ctx.later(
        () => staging.cancel(upload),
        (_, cancelled) => cancelled,
      ),

    describe: ({ store }, _, ctx) =>
      ctx.later(
        () => store.facts(),
        (_state, facts) => ok(facts),
      ),
  },
};

function tellHealth(
  progress: Progress | undefined,
  { bucket, catalog, journals, packs, reserve, volumes }: Troubles,
  ctx: Context,
): void {
  if (progress === undefined) {
    const causes = [bucket, journals, catalog, reserve, packs, volumes].filter((cause) => cause !== undefined);
    if (causes.length === 0) ctx.health("ready");
    else ctx.health("degraded", causes.join("; "));
    return;
  }
  const { doneBytes, totalBytes } = progress;
  const work =
    totalBytes === 0
      ? "comparing the catalog with the packs"
      : `looking through the packs: ${Math.floor((100 * doneBytes) / totalBytes)} %`;
  ctx.health("degraded", work);
}

/** For what runs beside the traffic: its defect ends the incarnation as one of a handler would. */
function endWith(defect: unknown, ctx: Context): void {
  ctx.after(0, () => {
    throw defect;
  });
}

/** Counts what goes out. */
function bytesRead<F extends Failure>({ meters }: StorageState, read: Result<Uint8Array, F>): Result<Uint8Array, F> {
  if (read.ok) meters.bytesOut.add(read.value.length);
  return read;
}

function crashWith(work: Promise<void>, ctx: Context): void {
  work.catch((defect: unknown) => endWith(defect, ctx));
}

function sweepAgain(ctx: Context): void {
  ctx.after(UPLOAD_SWEEP_INTERVAL_MS, ({ staging }, turn) => {
    crashWith(staging.sweep(), turn);
    sweepAgain(turn);
  });
}

function flushAgain(ctx: Context): void {
  ctx.after(CATALOG_FLUSH_INTERVAL_MS, ({ store }, turn) => {
    crashWith(store.flush(), turn);
    flushAgain(turn);
  });
}

export const actorModule: ActorModule<
  StorageProtocol,
  StorageEvents,
  StorageDeps,
  StorageState,
  StorageConfig & BucketConfig & VolumeConfig
> = {
  behavior: storageBehavior,
  storesData: true,
  configSchema: { ...storageConfigSchema, ...bucketConfigSchema, ...volumeConfigSchema },
  checkConfig: (config, mode) => checkBucketConfig(config, mode) ?? checkVolumeConfig(config, mode),

  checkPlace: async (env, config) =>
    problemWithCredentials(config, env) ?? (await problemWithPlace(env.node.dataDirectory, env.disk)),

  /** Takes the lock of the store for the life of the cell: recovery must never run beside another writer. */
  wire: async ({ env, config, scope }) => {
    const { cpu, disk, kv, locks, metrics, scheduler } = env;
    const directory = env.node.dataDirectory;
    must(await disk.makeDirectory(directory), "the data directory can be made");
    const held = must(
      await locks.acquire(`${directory}/store.lock`, { waitMs: STORE_LOCK_WAIT_MS }),
      "the store is not in the hands of another process",
    );
    scope.add(() => held.release());
    const elsewhere = await findPackPlace(config.current, env, scope);
    const deps = { config, directory, disk, locks, kv, cpu, scheduler, metrics };
    const { erasure, volumes: directories } = config.current;
    const volumes = { directories, erasure: must(parseErasure(erasure), "the setting was checked") };
    if (directories.length > 0) return { ...deps, volumes };
    return elsewhere === undefined ? deps : { ...deps, elsewhere };
  },
};
