/**
 * Files in the data directory of a node at rest, counted by what they are: none may be there in the end that was not when it was
 * warm. Packs are as many as the catalog has, which is looked at with the counters of the node.
 */
import { PACK } from "#chaos/soak/rest.ts";

/** What its servers, its logs and what is compiled look like is not up to how much was stored. */
const OTHERS: ReadonlySet<string> = new Set(["postgres", "redis", "logs", "cache"]);

/** `path` is within the data directory. */
export function isCounted(path: string): boolean {
  return !OTHERS.has(path.split("/")[0] ?? "");
}

/** `paths` are within the data directory. */
export function fileCounts(paths: Iterable<string>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const path of paths) {
    if (!isCounted(path)) continue;
    const kind = /^packs\/[0-9a-f]{8}\.pack$/.test(path) ? PACK : `file ${path.replaceAll(/\d+/g, "#")}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
