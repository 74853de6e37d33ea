/**
 * Which numbers of packs were given out. A file that is put back counts as what it was, so none is ever given out again, also when the
 * catalog knows nothing of the pack any more.
 */
import { usedKey } from "#actors/storage/catalog-records.ts";
import type { KvOverlay } from "#actors/storage/kv-overlay.ts";
import { slotOf } from "#actors/storage/pack-number.ts";
import { readNumber, writeNumber } from "#actors/storage/record.ts";
import { greatest } from "#runtime/extremes.ts";

export class UsedNumbers {
  readonly #store: Pick<KvOverlay, "get" | "put">;
  readonly #packs: ReadonlyMap<number, unknown>;

  /** `packs` are those that the catalog knows. */
  constructor(store: Pick<KvOverlay, "get" | "put">, packs: ReadonlyMap<number, unknown>) {
    this.#store = store;
    this.#packs = packs;
  }

  /** The greatest that a pack of the slot has or had; 0 where nothing is known of it. */
  lastOf(slot: number): number {
    const own = [...this.#packs.keys()].filter((pack) => slotOf(pack) === slot);
    return greatest(own, this.#rememberedOf(slot));
  }

  /** No number of its slot up to this one is given out from now on. */
  use(last: number): void {
    const slot = slotOf(last);
    if (last <= this.#rememberedOf(slot)) return;
    const value = Buffer.alloc(8);
    writeNumber(value, last, 0);
    this.#store.put(usedKey(slot), value);
  }

  #rememberedOf(slot: number): number {
    const value = this.#store.get(usedKey(slot));
    return value === undefined ? 0 : readNumber(Buffer.from(value), 0);
  }
}
