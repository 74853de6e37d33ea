/**
 * Which numbers of packs were given out. A file that is put back counts as what it was, so none is ever given out again, also when the
 * catalog knows nothing of the pack any more. What was removed from it stays removed: of which packs that may be asked is known too.
 */
import { FORGOTTEN_KEY, usedKey } from "#actors/storage/catalog/catalog-records.ts";
import type { KvOverlay } from "#actors/storage/catalog/kv-overlay.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import { readNumber, writeNumber } from "#actors/storage/packs/record.ts";
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

  /** What was known of the pack, and is not there now, is let go of: it may be put back for all that. */
  forget(pack: number): void {
    const [first = pack, last = pack] = this.forgotten;
    const value = Buffer.alloc(16);
    writeNumber(value, Math.min(first, pack), 0);
    writeNumber(value, Math.max(last, pack), 8);
    this.#store.put(FORGOTTEN_KEY, value);
  }

  /** The first and the last of those packs; empty where there was none. */
  get forgotten(): readonly number[] {
    const value = this.#store.get(FORGOTTEN_KEY);
    if (value === undefined) return [];
    const numbers = Buffer.from(value);
    return [readNumber(numbers, 0), readNumber(numbers, 8)];
  }

  #rememberedOf(slot: number): number {
    const value = this.#store.get(usedKey(slot));
    return value === undefined ? 0 : readNumber(Buffer.from(value), 0);
  }
}
