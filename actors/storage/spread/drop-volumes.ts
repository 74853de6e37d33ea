/** Takes volumes out of the catalog, with one walk over it for all of them. */
import type { Catalog } from "#actors/storage/catalog.ts";
import { slotOf } from "#actors/storage/pack-number.ts";
import type { Pause } from "#actors/storage/pause.ts";

export interface DropDeps {
  readonly catalog: Catalog;
  readonly pause: Pick<Pause, "ifDue">;
  readonly isOver: () => boolean;
}

/**
 * Nothing is known to be on them any more when it answers true. Their packs go last: as long as the catalog has those, a later
 * life sees that this one has ended in the middle of it.
 */
export async function dropVolumes(slots: ReadonlySet<number>, { catalog, pause, isOver }: DropDeps): Promise<boolean> {
  for (const found of catalog.pagesIn((pack) => slots.has(slotOf(pack)))) {
    for (const { digest, entry } of found) {
      catalog.remove(digest, entry);
      await pause.ifDue();
    }
    await pause.ifDue();
    if (isOver()) return false;
  }
  for (const pack of [...catalog.packs.keys()]) if (slots.has(slotOf(pack))) catalog.removePack(pack);
  return true;
}
