/**
 * A commit that is found with one of the same manifest whose put could not know of it: the pack or the volume of the one was out of
 * reach, and the catalog new. Who put the object without an end still holds it then, though another put it for a time since.
 */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry, Commit } from "#actors/storage/catalog/catalog-records.ts";
import type { Keeps } from "#actors/storage/keeps/keeps.ts";

export interface LastingCommitDeps {
  readonly catalog: Catalog;
  readonly keeps: Pick<Keeps, "fateOf" | "isHeldByPut">;
}

export interface EnteringDeps extends LastingCommitDeps {
  /** Hears of a commit that was found in that pack, just before it is in the catalog: without a turn of the loop between. */
  readonly onEntering: (commit: Commit, pack: number) => void;
}

/**
 * Enters the commit where the older of the two lasts: as the newer one, to be kept. False where it is like any other. The
 * record that says so stays; those that do not are made anew by repair, as copies of an older commit are.
 */
export function enterLasting(
  commit: Commit,
  entry: CatalogEntry,
  { catalog, keeps, onEntering }: EnteringDeps,
): boolean {
  const { manifest } = commit;
  const other = catalog.commitOf(manifest);
  if (other === undefined || other.isTransient === commit.isTransient) return false;
  const [lasting, timed] = commit.isTransient ? [other, commit] : [commit, other];
  if (lasting.sequence > timed.sequence || !keeps.isHeldByPut(lasting)) return false;
  const own = catalog.beside(manifest, entry);
  const stays = commit.isTransient && own?.damage === "none" ? own : entry;
  onEntering(commit, entry.pack);
  catalog.insertCommit({ ...timed, isTransient: false }, stays);
  for (const record of catalog.records("manifest", manifest)) catalog.insert(manifest, { ...record, isOutdated: true });
  return true;
}
