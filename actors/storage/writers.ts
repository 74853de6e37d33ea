/** What the packs are written with. It exists once the catalog is whole: before that no write can tell what is known. */
import type { Catalog } from "#actors/storage/catalog.ts";
import { CommitsUnderWay } from "#actors/storage/commits-under-way.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import { makeGearTable } from "#actors/storage/gear-table.ts";
import { GroupCommit } from "#actors/storage/group-commit.ts";
import { KnownRecords, type OnDamaged } from "#actors/storage/known-records.ts";
import type { PackFiles } from "#actors/storage/pack-files.ts";
import { PackPool } from "#actors/storage/pack-pool.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { PutDeps } from "#actors/storage/put-object.ts";
import { RecordCheck } from "#actors/storage/record-check.ts";
import type { RecoveryReport } from "#actors/storage/recovery.ts";
import type { Sealer } from "#actors/storage/sealer.ts";
import { Sequences } from "#actors/storage/sequences.ts";
import type { Space } from "#actors/storage/space.ts";
import { Reservations } from "#runtime/buffers.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Random } from "#runtime/random.ts";

/** Puts that wait for memory; the actor's `laterMax` is below it, so that the line is never full. */
export const PUTS_WAITING_MAX = 65_536;

export type Writers = PutDeps;

export interface WritersDeps {
  readonly config: () => StorageConfig;
  readonly disk: Disk;
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: PackFiles;
  readonly catalog: Catalog;
  readonly space: Space;
  readonly pause: Pause;
  readonly sealer: Sealer;
  /** Ends the waiting for a group commit. */
  readonly signal: AbortSignal;
  readonly onDamaged: OnDamaged;
  /** The commit of that sequence failed, and may come back with the next recovery. */
  readonly onDoubt: (sequence: number) => void;
}

export function makeWriters(deps: WritersDeps, report: RecoveryReport): Writers {
  const { catalog, clock, config, cpu, disk, files, pause, signal, space } = deps;
  const pool = makePool(deps, report);
  const sequences = new Sequences(report.lastSequence, deps.onDoubt);
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
  const commits = new CommitsUnderWay();
  const group = new GroupCommit({ disk, pool, catalog, sequences, space, known, cpu, signal });
  const gearTable = makeGearTable(cpu.digest);
  return {
    disk,
    pool,
    catalog,
    sequences,
    known,
    commits,
    cpu,
    gearTable,
    pause,
    group,
    reservations,
    space,
    config,
  };
}

/** With the packs that recovery found unsealed: those that are full are sealed, the others written on. */
function makePool(deps: WritersDeps, { unsealed, lastPack }: RecoveryReport): PackPool {
  const { catalog, config, files, random, sealer } = deps;
  const pool = new PackPool(files, catalog, random, {
    openPacksMax: () => config().openPacksMax,
    packSealBytes: () => config().packSealBytes,
    onFull: (pack) => sealer.seal(pack),
  });
  const idle: number[] = [];
  for (const pack of unsealed) {
    const state = catalog.packs.get(pack);
    if (state !== undefined && pool.isFull({ end: state.checkpoint, recordCount: state.recordCount })) {
      sealer.seal(pack);
    } else idle.push(pack);
  }
  pool.adopt(idle, lastPack);
  return pool;
}
