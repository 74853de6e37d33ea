/**
 * Programs that are explored in a thread of their own (`test/kit/aside.ts`), and how far: within a few preemptions in every
 * run of the tests, and through more of them, or all interleavings, in those that have the time (`./cepa verify`, which sets
 * `CEPA_SEEDS`).
 */
import assert from "node:assert/strict";
import { type Explored, type ExploreOptions, explore } from "#runtime/simulated/explore.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import type { Check } from "#test/kit/aside.ts";

/** Runs of the longest search that there is time for. */
const RUNS = 5_000_000;

/** There is time for more. */
export const isLong: boolean = process.env["CEPA_SEEDS"] !== undefined;

/** By the sentence that says what holds in every interleaving. */
export type Programs = Readonly<Record<string, () => Promise<Explored>>>;

/** Preemptions as a rule, and where there is time; `all` are all interleavings, which the search has to have seen. */
export type Depth = "all" | { readonly usual: number; readonly long: number | "all" };

export async function exploreTo(depth: Depth, program: (play: Play) => Promise<void>): Promise<Explored> {
  const preemptionsMax = depth === "all" ? depth : isLong ? depth.long : depth.usual;
  const bound: ExploreOptions = preemptionsMax === "all" ? {} : { preemptionsMax };
  const explored = await explore(program, { runsMax: RUNS, ...bound });
  if (preemptionsMax === "all") assert(explored.isComplete);
  assert(explored.runs > 1, "there is more than one order");
  return explored;
}

/** What the module of the programs exports. */
export function checkOf(programs: Programs): Check {
  return async (about) => {
    const program = programs[about];
    assert(program !== undefined, `there is a program that says: ${about}`);
    const { runs, cutOff, slots, slotsMax, isComplete } = await program();
    const extent = isComplete ? "every interleaving" : "within its bounds";
    return [`${runs} interleavings of at most ${slotsMax} slots: ${extent}; ${slots} slots, ${cutOff} runs cut off`];
  };
}
