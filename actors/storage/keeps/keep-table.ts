/** All keeps, as the journal's records say one after another. A change that is not durable is not in it. */
import { type Keep, NO_KEEP } from "#actors/storage/keeps/keep.ts";
import { decodeKeep, encodeKeep, type KeepName } from "#actors/storage/keeps/keep-codec.ts";
import { assert } from "#runtime/errors.ts";

export interface KeepTotals {
  /** Objects that are removed and can be restored. */
  readonly trashCount: number;
  /** Of those, parts that they share with others counted each time. */
  readonly trashBytes: number;
}

export class KeepTable {
  readonly #keeps = new Map<KeepName, Keep>();
  #totals: KeepTotals = { trashCount: 0, trashBytes: 0 };
  #highestSequence = 0;

  get count(): number {
    return this.#keeps.size;
  }

  get totals(): KeepTotals {
    return this.#totals;
  }

  /** The highest that any keep has ever spoken of, since the journal's base. */
  get highestSequence(): number {
    return this.#highestSequence;
  }

  get(name: KeepName): Keep | undefined {
    return this.#keeps.get(name);
  }

  entries(): IterableIterator<[KeepName, Keep]> {
    return this.#keeps.entries();
  }

  apply(record: Uint8Array): void {
    const decoded = decodeKeep(record);
    assert(decoded !== undefined, "a keep is of this version");
    const { name, keep } = decoded;
    this.#add(this.#keeps.get(name), -1);
    this.#add(keep, 1);
    if (keep === undefined) this.#keeps.delete(name);
    else this.#keeps.set(name, keep);
    const { removal, unpinnedUpTo } = keep ?? NO_KEEP;
    this.#highestSequence = Math.max(this.#highestSequence, unpinnedUpTo, removal?.upTo ?? 0);
  }

  *snapshot(): Generator<Uint8Array> {
    for (const [name, keep] of this.#keeps) yield encodeKeep({ name, keep });
  }

  #add(keep: Keep | undefined, sign: 1 | -1): void {
    const inTrash = keep?.removal?.buriedUpToPack === 0 ? keep.removal : undefined;
    const { trashBytes, trashCount } = this.#totals;
    this.#totals = {
      trashCount: trashCount + (inTrash === undefined ? 0 : sign),
      trashBytes: trashBytes + sign * (inTrash?.sizeBytes ?? 0),
    };
  }
}
