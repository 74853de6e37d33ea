/**
 * Brings the catalog to the disk, again and again, and says why where that does not succeed.
 *
 * A store that refuses is asked less and less often, until the disk has room again: every question costs a commit.
 */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { Space } from "#actors/storage/space.ts";
import type { SpareKv } from "#runtime/kv/spare-kv.ts";

/** Longest pause between two flushes of a catalog whose store refuses them, in flushes that are left out. */
export const REFUSED_FLUSHES_SKIPPED_MAX = 31;

export class CatalogUpkeep {
  readonly #catalog: Catalog;
  readonly #kv: SpareKv;
  readonly #space: Space;
  readonly #onTrouble: (trouble: string | undefined) => void;
  #trouble: string | undefined;
  /** Flushes to leave out, how many it were the last time, and whether the disk had room when one was refused. */
  #skip = { left: 0, last: 0, hadRoom: false };

  /** `onTrouble` hears why the catalog is not where it belongs, and undefined when it is; only of changes. */
  constructor(catalog: Catalog, kv: SpareKv, space: Space, onTrouble: (trouble: string | undefined) => void) {
    this.#catalog = catalog;
    this.#kv = kv;
    this.#space = space;
    this.#onTrouble = onTrouble;
  }

  /** Writes what is pending, and moves a catalog in memory to the disk if that has room again. */
  async flush(): Promise<void> {
    if (this.#skip.left > 0) {
      const hasRoom = (await this.#space.admit(0)).ok;
      const hasRoomAgain = hasRoom && !this.#skip.hadRoom;
      this.#skip = { ...this.#skip, left: this.#skip.left - 1, hadRoom: hasRoom };
      if (!hasRoomAgain) return;
    }
    await this.#catalog.flush();
    const isWell = !this.#kv.isInMemory && this.#catalog.refusal === undefined;
    const hadRoom = isWell || (await this.#space.admit(0)).ok;
    if (this.#kv.isInMemory && hadRoom) await this.#kv.moveToDisk();
    this.tell();
    const last = this.#trouble === undefined ? 0 : Math.min(REFUSED_FLUSHES_SKIPPED_MAX, 2 * this.#skip.last + 1);
    this.#skip = { left: last, last, hadRoom };
  }

  /** Says what has changed. */
  tell(): void {
    const { refusal } = this.#catalog;
    const refused = refusal === undefined ? undefined : `catalog not written: ${refusal}`;
    const trouble = this.#kv.isInMemory ? "catalog in memory, the disk is full" : refused;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#onTrouble(trouble);
  }
}
