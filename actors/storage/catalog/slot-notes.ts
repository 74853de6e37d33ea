/** What the catalog remembers of volumes beside what is on them, by their slots. */
import { halfKey, ridKey } from "#actors/storage/catalog/catalog-records.ts";
import type { KvOverlay } from "#actors/storage/catalog/kv-overlay.ts";

export class SlotNotes {
  readonly #store: Pick<KvOverlay, "get" | "put">;

  constructor(store: Pick<KvOverlay, "get" | "put">) {
    this.#store = store;
  }

  /** Nothing in the catalog is on the volume, which was given up. */
  isRidOf(slot: number): boolean {
    return this.#store.get(ridKey(slot)) !== undefined;
  }

  /** To be called when the last record that is on it was removed: it is in the store with that, or after it. */
  setRidOf(slot: number): void {
    this.#store.put(ridKey(slot), Uint8Array.of(1));
  }

  /** Of what was on the volume a part may not be in the catalog any more, or not yet again. */
  isHalfKnown(slot: number): boolean {
    return this.#store.get(halfKey(slot)) !== undefined;
  }

  /**
   * True before the first of its records is removed, false when a recovery has found what is left, or there is nothing any more:
   * the store has no half of it without this.
   */
  setHalfKnown(slot: number, isHalfKnown: boolean): void {
    this.#store.put(halfKey(slot), isHalfKnown ? Uint8Array.of(1) : undefined);
  }
}
