/** What is written to volumes, and repaired on them, put together. */
import type { ErasureSetting } from "#actors/domain/erasure-profile.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PackWatch } from "#actors/storage/packs/pack-watch.ts";
import type { GroupCommit } from "#actors/storage/puts/group-commit.ts";
import type { LargePuts } from "#actors/storage/puts/put-object.ts";
import type { RecoveryReport } from "#actors/storage/recovery/recovery.ts";
import { Repairer, type RepairerDeps } from "#actors/storage/repair/repairer.ts";
import type { Space } from "#actors/storage/space.ts";
import { Doubts } from "#actors/storage/spread/doubts.ts";
import type { Lane } from "#actors/storage/spread/lanes.ts";
import { Spread, type Written } from "#actors/storage/spread/spread.ts";
import type { SpreadPutDeps } from "#actors/storage/spread/spread-put.ts";
import { SpreadSmalls } from "#actors/storage/spread/spread-smalls.ts";
import type { SpreadUploadDeps } from "#actors/storage/spread/spread-upload.ts";
import { SpreadUploads } from "#actors/storage/spread/spread-uploads.ts";
import { VolumeLog } from "#actors/storage/spread/volume-log.ts";
import type { VolumeSet } from "#actors/storage/spread/volume-set.ts";
import { makePool, type WritersDeps } from "#actors/storage/writers.ts";
import { ReedSolomon } from "#runtime/erasure/reed-solomon.ts";

export interface SpreadWriters {
  readonly spread: Spread;
  readonly smalls: Pick<GroupCommit, "put">;
  readonly larges: LargePuts;
  readonly repairer: Repairer;
}

type Made = "spread" | "doubts" | "code" | "volumes" | "lastSequence" | "isLookingAnew" | "isRecovered" | "recovered";

type Deps = Omit<SpreadPutDeps & SpreadUploadDeps & RepairerDeps, Made> &
  Pick<WritersDeps, "random" | "sealer" | "config" | "keeps"> & {
    readonly erasure: ErasureSetting;
    readonly files: PackFiles;
    readonly space: Space;
  };

export function makeSpread(set: VolumeSet, deps: Deps, report: RecoveryReport): SpreadWriters {
  const code = new ReedSolomon();
  const onWritten = (written: Written): void => repairer.heardOf(written);
  const spread = new Spread({ ...deps, code, onWritten, lanes: set.lanes, volumes: set.volumes });
  const doubts = new Doubts(deps);
  const makeLane = (slot: number, found: RecoveryReport): Lane => {
    // A volume gets one when its packs were recovered.
    doubts.recovered(slot);
    const pool = makePool(slot, deps, found);
    let hasEnded = false;
    const isOver = (): boolean => hasEnded || deps.signal.aborted;
    const end = (): void => {
      hasEnded = true;
    };
    const leave = (commits: readonly number[]): (() => void) => doubts.leave(slot, commits);
    const log = new VolumeLog({ ...deps, pool, isOver, leave });
    const watch = new PackWatch({
      ...deps,
      slot,
      pool,
      rotate: () => log.rotate(),
      isThere: () => set.volumes.isThere(slot),
      // Its volume tells of it.
      onUnlisted: (failure) => set.volumes.unlisted(slot, failure).then(() => undefined),
      onLost: () => repairer.look(),
      // What is left survives, and is made again: that is what the others are for.
      onPackTrouble: () => undefined,
      isOver,
    });
    return { pool, end, log, watch };
  };
  const lastSequence = (): number => deps.sequences.last;
  const repairer = new Repairer({
    ...deps,
    code,
    spread,
    lastSequence,
    volumes: () => set.volumes.all,
    isLookingAnew: () => set.isLookingAnew,
    recovered: () => set.recovered,
  });
  set.attach({ ...deps, makeLane, onChange: () => repairer.look() }, report);
  repairer.look();
  const puts = { ...deps, spread, doubts, isRecovered: (slot: number) => set.isRecovered(slot) };
  return { spread, smalls: new SpreadSmalls(puts, deps.space), larges: new SpreadUploads(puts), repairer };
}
