/** What looks at all that the catalog has, for those who cannot find it otherwise, and shares the thread with its users. */
import type { Catalog, FoundEntry } from "#actors/storage/catalog/catalog.ts";
import type { Pause } from "#actors/storage/pause.ts";

/**
 * Every record in such packs, or a part of them where it is over meanwhile, from which nothing follows.
 * Gives the loop back when it is due, also where none is meant for long.
 */
export async function* recordsIn(
  catalog: Pick<Catalog, "pagesIn">,
  pause: Pick<Pause, "ifDue">,
  isMeant: (pack: number) => boolean,
  isOver: () => boolean,
): AsyncGenerator<FoundEntry, void> {
  for (const page of catalog.pagesIn(isMeant)) {
    for (const found of page) {
      if (isOver()) return;
      yield found;
      await pause.ifDue();
    }
    await pause.ifDue();
    if (isOver()) return;
  }
}
