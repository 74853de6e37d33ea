/**
 * Lets go of what is dead in packs whose files are gone, with one walk over the catalog for all of them. What is live is known to
 * be lost, and stays with its pack.
 */
import type { Catalog } from "#actors/storage/catalog.ts";
import type { IsLive } from "#actors/storage/collection/compactor.ts";
import { isGone } from "#actors/storage/lost-packs.ts";
import { slotOf } from "#actors/storage/pack-number.ts";
import type { PackPool } from "#actors/storage/pack-pool.ts";
import type { Pause } from "#actors/storage/pause.ts";

export interface LostRecordsDeps {
  readonly catalog: Catalog;
  /** Undefined while nothing can be written to the volume of that slot: then its packs are left as they are. */
  readonly poolOf: (slot: number) => Pick<PackPool, "disk"> | undefined;
  readonly pause: Pick<Pause, "ifDue">;
  readonly isOver: () => boolean;
}

/** Of these packs. Those of which nothing is left are forgotten. */
export async function forgetLost(packs: readonly number[], isLive: IsLive, deps: LostRecordsDeps): Promise<void> {
  const { catalog, isOver, pause, poolOf } = deps;
  const isMeant = (pack: number): boolean => {
    const state = catalog.packs.get(pack);
    const pool = poolOf(slotOf(pack));
    // It may be back with its volume.
    return state !== undefined && isGone(state) && pool !== undefined && pool.disk.refusal === undefined;
  };
  const empty = new Set(packs.filter(isMeant));
  if (empty.size === 0) return;
  const meant = new Set(empty);
  for (const found of catalog.pagesIn((pack) => meant.has(pack))) {
    if (isOver()) return;
    for (const { digest, entry } of found) {
      if (isLive(entry, digest)) empty.delete(entry.pack);
      else if (isMeant(entry.pack)) catalog.remove(digest, entry);
      if (!(await catalog.room()).ok) return;
      await pause.ifDue();
    }
    await pause.ifDue();
  }
  if (isOver()) return;
  for (const pack of empty) if (isMeant(pack)) catalog.removePack(pack);
}
