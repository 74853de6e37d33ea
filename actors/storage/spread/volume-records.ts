/** What the catalog has of volumes, and what becomes of that when one is back, or is none of this store any more. */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { hasLost } from "#actors/storage/catalog/catalog-records.ts";
import { recordsIn } from "#actors/storage/catalog/catalog-walk.ts";
import { isBadPlace, type PackFiles } from "#actors/storage/packs/pack-files.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import type { OnUnreadable } from "#actors/storage/packs/pack-scan.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { contradicts } from "#actors/storage/recovery/contradiction.ts";
import { findLost, hadRecords, takeBack } from "#actors/storage/recovery/lost-packs.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Log } from "#runtime/telemetry/log.ts";

export interface VolumeRecordsDeps {
  readonly files: PackFiles;
  readonly catalog: Catalog;
  readonly cpu: Pick<Cpu, "digest" | "hasher" | "run">;
  readonly pause: Pause;
  readonly log: Log;
  readonly signal: Pick<AbortSignal, "aborted">;
}

/**
 * Whether what is known of the volume is of another, or of one that held more, or only a half of what was. What had gone of it, and is
 * there, counts again.
 */
export async function compareRecords(slot: number, deps: VolumeRecordsDeps): Promise<Result<boolean, DiskFailure>> {
  const { files, catalog, signal } = deps;
  if (catalog.slots.isHalfKnown(slot)) return ok(true);
  const taken = await takeBack(slot, { ...deps, isOver: () => signal.aborted });
  if (!taken.ok) return taken;
  let failure: DiskFailure | undefined;
  const onUnreadable: OnUnreadable = (unread) => {
    if (!isBadPlace(unread)) failure ??= unread;
  };
  const compared = await contradicts(files, catalog, [slot], onUnreadable);
  return failure === undefined ? compared : fail(failure);
}

/**
 * What it refused before it went says nothing any more: whoever reads it, or scrub, finds out anew. What a pack that was cut has lost
 * was read since it is back, and stays what it was found to be.
 */
export async function liftRecords(slot: number, { catalog, pause, signal }: VolumeRecordsDeps): Promise<void> {
  if (catalog.totals.damagedCount === 0) return;
  const isMeant = (pack: number): boolean => slotOf(pack) === slot && catalog.packs.get(pack)?.isCut !== true;
  for await (const { digest, entry } of recordsIn(catalog, pause, isMeant, () => signal.aborted)) {
    if (catalog.lift(digest, entry)) catalog.setVerified(entry.pack, 0);
    if (!(await catalog.room()).ok) return;
  }
}

/**
 * What has gone of its packs, or was cut off them, may be put back when they are known no more. To be called before their records
 * are dropped: the catalog's store has it no later than that.
 */
export async function forgetLost(
  slot: number,
  { catalog, files }: Pick<VolumeRecordsDeps, "catalog" | "files">,
): Promise<Result<void, DiskFailure>> {
  const found = await findLost(files, catalog, [slot]);
  if (!found.ok) return found;
  const lost = new Set(found.value.filter(hadRecords).map(({ state }) => state.pack));
  for (const [pack, state] of catalog.packs) {
    if (slotOf(pack) === slot && (lost.has(pack) || hasLost(state))) catalog.numbers.forget(pack);
  }
  return ok();
}

/**
 * Nothing is known to be on these volumes any more when it answers true, after one walk for all of them; false where the life is
 * over, or the catalog's store refuses more than may wait in memory. They are half known from when it begins on: another attempt
 * goes on with it, whatever is on them by then.
 */
export async function dropRecords(
  slots: ReadonlySet<number>,
  { catalog, isOver, pause }: Pick<VolumeRecordsDeps, "catalog" | "pause"> & { readonly isOver: () => boolean },
): Promise<boolean> {
  for (const slot of slots) catalog.slots.setHalfKnown(slot, true);
  // Each walk begins with what the others have left waiting: none where nothing more may wait.
  if (!(await catalog.room()).ok) return false;
  for (const found of catalog.pagesIn((pack) => slots.has(slotOf(pack)))) {
    for (const { digest, entry } of found) {
      catalog.remove(digest, entry);
      if (!(await catalog.room()).ok) return false;
      await pause.ifDue();
    }
    await pause.ifDue();
    if (isOver()) return false;
  }
  for (const pack of [...catalog.packs.keys()]) if (slots.has(slotOf(pack))) catalog.removePack(pack);
  return true;
}
