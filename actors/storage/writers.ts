/** What the packs are written with. It exists once the catalog is whole: before that no write can tell what is known. */
import type { Digest } from "#actors/domain/address.ts";
import type { ErasureSetting } from "#actors/domain/erasure-profile.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { Sequences } from "#actors/storage/catalog/sequences.ts";
import { makeGearTable } from "#actors/storage/chunks/gear-table.ts";
import { Collector } from "#actors/storage/collection/collector.ts";
import { InUse } from "#actors/storage/collection/in-use.ts";
import type { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import { Keeping } from "#actors/storage/keeps/keeping.ts";
import type { Keeps } from "#actors/storage/keeps/keeps.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { HOME_SLOT, slotOf } from "#actors/storage/packs/pack-number.ts";
import type { PackPlace } from "#actors/storage/packs/pack-place.ts";
import { PackPool } from "#actors/storage/packs/pack-pool.ts";
import { PackWatch } from "#actors/storage/packs/pack-watch.ts";
import { RecordCheck } from "#actors/storage/packs/record-check.ts";
import type { Sealer } from "#actors/storage/packs/sealer.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { GroupCommit } from "#actors/storage/puts/group-commit.ts";
import { KnownRecords, type OnDamaged } from "#actors/storage/puts/known-records.ts";
import { LeasedUploads } from "#actors/storage/puts/leased-uploads.ts";
import type { PutDeps } from "#actors/storage/puts/put-object.ts";
import { WriteLimit } from "#actors/storage/puts/write-limit.ts";
import type { RecoveryReport } from "#actors/storage/recovery/recovery.ts";
import { describeUnread, describeWanting } from "#actors/storage/recovery/set-aside.ts";
import type { MenderDeps } from "#actors/storage/repair/mender.ts";
import type { Relief } from "#actors/storage/reserve-file.ts";
import { DamageWalk } from "#actors/storage/scrub/damage-walk.ts";
import { Scrubber } from "#actors/storage/scrub/scrubber.ts";
import type { Space } from "#actors/storage/space.ts";
import { makeSpread, type SpreadWriters } from "#actors/storage/spread/make-spread.ts";
import type { Attachment, VolumeSet } from "#actors/storage/spread/volume-set.ts";
import { causeOf } from "#actors/storage/volumes/sighting.ts";
import { Reservations } from "#runtime/buffers.ts";
import type { Clock } from "#runtime/clock.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { Defect } from "#runtime/errors.ts";
import type { Kv } from "#runtime/kv/kv.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Random } from "#runtime/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Counter, Gauge } from "#runtime/telemetry/metrics.ts";
import { Turns } from "#runtime/turns.ts";

/** Puts that wait for memory; the actor's `laterMax` is below it, so that the line is never full. */
export const PUTS_WAITING_MAX = 65_536;

export interface Writers extends PutDeps {
  readonly sequences: Sequences;
  /** Of the data directory. */
  readonly pool: PackPool;
  readonly collector: Collector;
  readonly scrubber: Scrubber;
  readonly damageWalk: DamageWalk;
  /** What is written to volumes; undefined where there are none. */
  readonly spread: SpreadWriters | undefined;
  /** Nothing of theirs goes on beside the calls any more when it settles. */
  readonly close: () => Promise<void>;
}

export interface WritersDeps {
  readonly config: () => StorageConfig;
  /** Where the packs are, if not in the data directory. */
  readonly elsewhere?: PackPlace;
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly files: PackFiles;
  readonly catalog: Catalog;
  /** Of the catalog. */
  readonly kv: Pick<Kv, "flush">;
  readonly keeps: Keeps;
  readonly readers: PackReaders;
  readonly space: Space;
  readonly overhead: () => number;
  readonly relief: Relief;
  readonly pause: Pause;
  readonly sealer: Sealer;
  readonly volumes: VolumeSet | undefined;
  readonly erasure: ErasureSetting;
  /** All of a payload, from whatever holds it. */
  readonly read: MenderDeps["read"];
  /** Ends the waiting for a group commit. */
  readonly signal: AbortSignal;
  readonly scrubbedBytes: Counter;
  readonly keepCount: Gauge;
  readonly onDamaged: OnDamaged;
  readonly onDefect: (defect: unknown) => void;
  /** Which packs have lost something. */
  readonly onPackTrouble: (trouble: string | undefined) => void;
  /** The commit of that sequence failed, and may come back with the next recovery. */
  readonly onDoubt: (sequence: number) => void;
}

/** What the pool of a slot is made of, beside what recovery found there. */
export interface PoolDeps extends Pick<WritersDeps, "catalog" | "files" | "log" | "random"> {
  readonly config: () => Pick<StorageConfig, "openPacksMax" | "packSealBytes">;
  readonly sealer: Pick<Sealer, "seal">;
}

const NO_LANES: Pick<Attachment, "makeLane" | "onChange"> = {
  makeLane: () => {
    throw new Defect("a lane is of a volume that is named");
  },
  onChange: () => undefined,
};

const LEFT_OUT = "a volume is left out: name it in storage.volumes, or give it up with cepa volumes --forget";

export function makeWriters(deps: WritersDeps, report: RecoveryReport): Writers {
  const { catalog, clock, config, cpu, files, keeps, overhead, pause, signal, space } = deps;
  const pool = makePool(HOME_SLOT, deps, report);
  const sequences = new Sequences(report.lastSequence, deps.onDoubt);
  const keeping = new Keeping({ catalog, keeps, sequences, clock, pause, trashMs: () => config().trashMs });
  const inUse = new InUse();
  const limit = new WriteLimit({ catalog, space, config, overhead });
  const quotaBytes = config().writeQuotaBytes;
  const reservations = new Reservations({
    clock,
    quotaBytes,
    waitingMax: PUTS_WAITING_MAX,
    shared: false,
    freeBytesMax: Math.floor(quotaBytes / 8),
  });
  const check = new RecordCheck({ files, cpu, pause });
  const known = new KnownRecords({ catalog, check, onDamaged: deps.onDamaged });
  const commits = new Turns<Digest>();
  const shared = {
    cpu,
    catalog,
    sequences,
    known,
    inUse,
    keeping,
    commits,
    pause,
    gearTable: makeGearTable(cpu.digest),
  };
  const group = new GroupCommit({ ...shared, pool, space, signal });
  // Put together below: nothing is put before.
  const onAbandoned = (lengthBytes: number): void => collector.abandoned(lengthBytes);
  const named = deps.volumes?.isNamed === true ? deps.volumes : undefined;
  const hasRoomFor = limit.hasRoomFor.bind(limit);
  const spread = named && makeSpread(named, { ...deps, ...shared, check, onAbandoned, hasRoomFor }, report);
  // Those that are known and not named are waited for, or given up: nothing is written to them, or repaired.
  if (named === undefined) deps.volumes?.attach({ ...deps, ...shared, ...NO_LANES }, report);
  const isLacking = (): boolean => deps.volumes?.isLacking === true;
  const beganMs = clock.nowMs();
  const impaired = (): string | undefined => {
    const home = report.unread.filter((pack) => slotOf(pack) === HOME_SLOT);
    const unread = describeUnread([...home, ...(deps.volumes?.unread ?? [])], deps.files);
    if (unread !== undefined) return unread;
    // As long as what was removed can be restored: nobody may come to put a pack back, or to start the node again.
    const isWaitedFor = clock.nowMs() - beganMs < config().trashMs;
    const wanting = isWaitedFor ? describeWanting(report.wanting, deps.files) : undefined;
    if (wanting !== undefined) return wanting;
    // It may hold commits that nobody knows of, and what they refer to is elsewhere.
    if ((deps.volumes?.volumes.leftOut ?? []).length > 0) return LEFT_OUT;
    return isLacking() ? "a volume is not there" : undefined;
  };
  const generation = (): number => deps.volumes?.generation ?? 0;
  const collector = new Collector({
    ...deps,
    ...shared,
    poolOf: (slot) => (slot === HOME_SLOT ? pool : deps.volumes?.lanes.get(slot)?.pool),
    rotate: async () => {
      await group.rotate();
      await deps.volumes?.lanes.rotate();
    },
    impaired,
    generation,
  });
  const isOver = (): boolean => signal.aborted;
  const damageWalk = new DamageWalk({ ...deps, keeping, isLacking, isOver, lastSequence: () => sequences.last });
  const home = {
    slot: HOME_SLOT,
    pool,
    rotate: () => group.rotate(),
    isThere: async () => true,
    onUnlisted: async (failure: DiskFailure) =>
      `is the data directory there? its packs cannot be listed (${causeOf(failure)}: ${failure.path})`,
    onLost: () => spread?.repairer.look(),
    isOver,
  };
  // A bucket is asked for every list, and has no names that can go while something is open.
  const watch = deps.elsewhere === undefined ? new PackWatch({ ...deps, ...home }) : undefined;
  const findLost = async (): Promise<void> => {
    const watches = [watch, ...(deps.volumes?.lanes.all.map((lane) => lane.watch) ?? [])];
    await Promise.all(watches.map((one) => one?.look()));
  };
  const isSettling = (): boolean => deps.volumes?.isSettling === true;
  const scrubber = new Scrubber({ ...deps, check, damageWalk, findLost, generation, isSettling });
  const close = async (): Promise<void> => {
    await watch?.close();
    await collector.close();
    await scrubber.close();
    await spread?.repairer.close();
  };
  return {
    ...shared,
    close,
    pool,
    smalls: spread?.smalls ?? group,
    larges: spread?.larges ?? new LeasedUploads(pool, { ...shared, pool }),
    collector,
    scrubber,
    damageWalk,
    spread,
    clock,
    reservations,
    space,
    limit,
    config,
  };
}

/** With the packs of the slot that recovery found unsealed: those that are full are sealed, the others written on. */
export function makePool(slot: number, deps: PoolDeps, { unsealed }: Pick<RecoveryReport, "unsealed">): PackPool {
  const { catalog, config, files, log, random, sealer } = deps;
  const pool = new PackPool(files, catalog, random, {
    slot,
    openPacksMax: () => config().openPacksMax,
    packSealBytes: () => config().packSealBytes,
    onFull: (pack) => sealer.seal(pack, pool.disk),
    onUnwritable: (pack, errno) => log.warn("pack may not be written", { pack: files.pathOf(pack), errno }),
  });
  const states = [...catalog.packs.values()].filter(({ pack }) => slotOf(pack) === slot);
  const fit = new Set(unsealed);
  pool.adopt(
    states.filter(({ pack }) => fit.has(pack)),
    catalog.numbers.lastOf(slot),
  );
  return pool;
}
