/** What was seen of one entry in a run of the real ingest, to be held against `Ingest.tla`: of one node, and of it alone. */
import type { FollowedRun } from "#chaos/models/run.ts";

/** In the words of `IngestRun.tla`. */
export type IngestSight = "row" | "dead" | "ack" | "synced" | "crash" | "end";

/** The texts of `Ingest.tla` and `IngestRun.tla`. */
export interface IngestModules {
  readonly model: string;
  readonly run: string;
}

/** `isBad`: it is no event that may be written. */
export function ingestRun(modules: IngestModules, isBad: boolean, sights: readonly IngestSight[]): FollowedRun {
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
