/** From commit to commit, oldest first, for whoever looks at all of them: a page of the log at a time. */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { Commit } from "#actors/storage/catalog/catalog-records.ts";
import type { Pause } from "#actors/storage/pause.ts";

/** Commits taken from the log at a time. */
const PAGE_COMMITS = 256;

export interface CommitWalk {
  readonly catalog: Pick<Catalog, "commits">;
  /** Between two commits. */
  readonly pause: Pick<Pause, "ifDue">;
  /** The highest that was given out: a commit in the catalog counts, also where one before it is not decided yet. */
  readonly lastSequence: () => number;
  /** True when the incarnation is over, and from then on: then the walk ends. */
  readonly isOver: () => boolean;
}

/**
 * Every commit that is in the catalog by now. One that is entered later may be left out where it is entered behind where the
 * walk is.
 */
export async function* eachCommit({ catalog, isOver, lastSequence, pause }: CommitWalk): AsyncGenerator<Commit, void> {
  for (let after = 0; !isOver(); ) {
    const commits = catalog.commits(after, lastSequence(), PAGE_COMMITS);
    for (const commit of commits) {
      yield commit;
      await pause.ifDue();
      if (isOver()) return;
    }
    const last = commits.at(-1);
    if (last === undefined) return;
    after = last.sequence;
  }
}
