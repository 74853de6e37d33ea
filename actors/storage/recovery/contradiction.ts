/** Whether a catalog can be of the packs that are there: asked before anything is made of them. */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import { type OnUnreadable, readFront } from "#actors/storage/packs/pack-scan.ts";
import { findLost, hadRecords } from "#actors/storage/recovery/lost-packs.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";

/**
 * True if the catalog cannot be of the packs of these slots: one is shorter than it says, or is another with the same number.
 */
export async function contradicts(
  files: PackFiles,
  catalog: Catalog,
  slots: readonly number[],
  onUnreadable: OnUnreadable,
): Promise<Result<boolean, DiskFailure>> {
  const lost = await findLost(files, catalog, slots);
  if (!lost.ok || lost.value.some(hadRecords)) return lost.ok ? ok(true) : lost;
  return ok(await hasOtherMarks(files, catalog, slots, onUnreadable));
}

/** Asked of packs that recovery may cut. */
export async function hasOtherMarks(
  files: PackFiles,
  catalog: Catalog,
  slots: readonly number[],
  onUnreadable: OnUnreadable = () => undefined,
): Promise<boolean> {
  for (const { pack, mark, sealed } of catalog.packs.values()) {
    if (sealed || !slots.includes(slotOf(pack)) || !files.isThere(pack)) continue;
    const front = await readFront(files, pack, onUnreadable);
    if (front.mark !== undefined && Buffer.compare(front.mark, mark) !== 0) return true;
  }
  return false;
}
