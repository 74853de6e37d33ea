/** What was seen of one entry in a run of the real ingest, to be held against `Ingest.tla`: of one node, and of it alone. */
import type { FollowedRun, RunModules } from "#chaos/models/run.ts";

/** In the words of `IngestRun.tla`. */
export type IngestSight = "row" | "dead" | "ack" | "synced" | "crash" | "end";

/** `isBad`: it is no event that may be written. */
export function ingestRun(modules: RunModules, isBad: boolean, sights: readonly IngestSight[]): FollowedRun {
  const constants = {
    Entries: '{"e"}',
    Bad: isBad ? '{"e"}' : "{}",
    Twin: "{}",
    Nodes: '{"n"}',
    MayClaimLive: "FALSE",
    CrashesMax: sights.filter((sight) => sight === "crash").length,
    OutagesMax: 0,
  };
  return { ...modules, constants, looks: sights.map((sight) => `"${sight}"`) };
}
