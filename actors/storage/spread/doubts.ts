/**
 * Commits on volumes that failed, and of which a copy may be on one all the same: a recovery would find it, and it would
 * count. No list goes past one before it is known that none can be found any more, or one is in the catalog.
 *
 * What a batch that failed has left on its volume is gone when its pack is cut back, and decided when the packs of the volume
 * were recovered anew.
 */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { Sequences } from "#actors/storage/catalog/sequences.ts";

export interface DoubtsDeps {
  readonly catalog: Pick<Catalog, "commitAt">;
  readonly sequences: Pick<Sequences, "doubt" | "settle">;
}

export class Doubts {
  readonly #deps: DoubtsDeps;
  /** By volume: what each batch that failed may have left on it. */
  readonly #left = new Map<number, Set<ReadonlySet<number>>>();
  /** Commits that failed, until it is known what of them is left. */
  readonly #failed = new Set<number>();

  constructor(deps: DoubtsDeps) {
    this.#deps = deps;
  }

  /**
   * A batch with these commits has failed on its way to the volume. To be called before anybody is told; what it answers with
   * is to be called when nothing of the batch can come back any more.
   */
  leave(slot: number, commits: readonly number[]): () => void {
    const batch = new Set(commits);
    const batches = this.#left.get(slot) ?? new Set();
    this.#left.set(slot, batches.add(batch));
    return () => {
      batches.delete(batch);
      this.#settle();
    };
  }

  /** All that counts on the volume is in the catalog, and nothing of the batches before is under way. */
  recovered(slot: number): void {
    this.#left.delete(slot);
    this.#settle();
  }

  /** The commit has failed, and nobody writes a copy of it any more. */
  failed(sequence: number): void {
    this.#failed.add(sequence);
    this.#settle();
    if (this.#failed.has(sequence)) this.#deps.sequences.doubt(sequence);
  }

  #settle(): void {
    const { catalog, sequences } = this.#deps;
    const batches = [...this.#left.values()].flatMap((each) => [...each]);
    for (const sequence of this.#failed) {
      // With a copy in the catalog it is as committed as any.
      const isOpen = catalog.commitAt(sequence) === undefined && batches.some((batch) => batch.has(sequence));
      if (isOpen) continue;
      this.#failed.delete(sequence);
      sequences.settle(sequence);
    }
  }
}
