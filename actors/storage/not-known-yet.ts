/** What may turn out otherwise when the catalog is whole. */
import type { Failure } from "#runtime/errors.ts";

/** What was removed may have been put again since, in a commit that is not known; what is gone may be there again. */
const NOT_KNOWN_YET: ReadonlySet<string> = new Set([
  "storage.manifest-not-found",
  "storage.chunk-not-found",
  "storage.corrupt",
  "storage.not-in-trash",
  "storage.removed",
]);

export function mayBeKnownLater(failure: Failure & { readonly problem?: unknown }): boolean {
  const isOfUnknown = failure.code === "storage.tree-refused" && failure.problem === "not-stored";
  return isOfUnknown || NOT_KNOWN_YET.has(failure.code);
}
