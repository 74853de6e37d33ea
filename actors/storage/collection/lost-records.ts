/**
 * Lets go of what is dead in packs whose files are gone, or behind the ends of those that were cut, with one walk over the
 * catalog for all of them. What is live is known to be lost, and stays with its pack.
 */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { hasLost, isGone, isLostAt, type PackState } from "#actors/storage/catalog/catalog-records.ts";
import type { IsLive } from "#actors/storage/collection/compactor.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import type { PackPool } from "#actors/storage/packs/pack-pool.ts";
import type { Pause } from "#actors/storage/pause.ts";

export interface LostRecordsDeps {
  readonly catalog: Catalog;
  /** Undefined while nothing can be written to the volume of that slot: then its packs are left as they are. */
  readonly poolOf: (slot: number) => PackPool | undefined;
  readonly pause: Pick<Pause, "ifDue">;
  readonly isOver: () => boolean;
}

interface Lossy {
  readonly state: PackState;
  readonly pool: PackPool;
}

/**
 * Of these packs. Where nothing is left that was lost, one that is gone is forgotten, and one that was cut is written on if a
 * recovery has looked through it since: behind its last record may be a part of another.
 */
export async function forgetLost(packs: readonly number[], isLive: IsLive, deps: LostRecordsDeps): Promise<void> {
  const { catalog, isOver, pause, poolOf } = deps;
  /** Undefined also where it is back with its volume. */
  const lossy = (pack: number): Lossy | undefined => {
    const state = catalog.packs.get(pack);
    const pool = poolOf(slotOf(pack));
    if (state === undefined || !hasLost(state) || pool === undefined) return undefined;
    return pool.disk.refusal === undefined ? { state, pool } : undefined;
  };
  const meant = new Set(packs.filter((pack) => lossy(pack) !== undefined));
  if (meant.size === 0) return;
  const needed = new Set<number>();
  for (const found of catalog.pagesIn((pack) => meant.has(pack))) {
    for (const { digest, entry } of found) {
      // Marks may be of a part of what there is by now.
      if (isOver()) return;
      if (!isLostAt(lossy(entry.pack)?.state, entry.position)) continue;
      if (isLive(entry, digest)) needed.add(entry.pack);
      else catalog.remove(digest, entry);
      if (!(await catalog.room()).ok) return;
      await pause.ifDue();
    }
    await pause.ifDue();
    if (isOver()) return;
  }
  for (const pack of meant) {
    const whole = needed.has(pack) ? undefined : lossy(pack);
    if (whole === undefined || (!isGone(whole.state) && whole.state.epoch === 0)) continue;
    catalog.numbers.forget(pack);
    if (isGone(whole.state)) catalog.removePack(pack);
    else writeOn(whole, catalog);
  }
}

function writeOn({ state, pool }: Lossy, catalog: Catalog): void {
  catalog.setPack({ ...state, isCut: false });
  pool.adopt([state], state.pack);
}
