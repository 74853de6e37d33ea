/**
 * All interleavings of a small program, each of them once.
 *
 *     await explore(async (play) => {
 *       const { ref } = await new ExploredCell(play).start(behavior, deps);
 *       play.script("client", () => void ref.cast("note", 1), () => void ref.cast("note", 2));
 *       await play.interleave();
 *       assert(…);  // what must hold in every order
 *     });
 *
 * The program is played from its beginning again and again, depth first; wherever more than one of its actors, scripts and
 * events has something to do, the search branches (a stateless search: nothing is saved between two runs but the choices).
 * Between two slots promise turns run until none is left, in the order of the platform. A timer of an `ExploredClock` and
 * each half of an operation of an `ExploredDisk` are events, and have slots of their own.
 *
 * - A program is a function of the choices made for it, or the search says so.
 * - A slot in which nothing happens is no interleaving of its own: such runs are cut off and counted apart.
 * - With `preemptionsMax` the search leaves out interleavings, and says so: `isComplete` (SIM-10). Most mistakes of order need one or
 *   two preemptions, however long the program is; one that needs more is not seen.
 * - States are not compared: what a program will do lies in promises and closures too, which nothing can read.
 */
import { Defect } from "#runtime/errors.ts";
import { Choices } from "#runtime/simulated/choices.ts";
import { Play, REPEATED } from "#runtime/simulated/explored-play.ts";
import { quiet } from "#runtime/simulated/quiet.ts";

/** Runs of one search unless the caller says otherwise. A program with more interleavings is too large for it. */
export const exploredRunsMax = 200_000;

/** How far a search goes. */
export interface ExploreOptions {
  /** Runs, those that are cut off included; one more is a defect. Default 200 000. */
  readonly runsMax?: number;
  /**
   * How often in one run somebody has a slot while whoever ran last, or what that one has just set going, could go on. Default:
   * as often as may be, which is every interleaving.
   */
  readonly preemptionsMax?: number;
  /** One interleaving alone, as a failure named it. Choices that the program does not have are a defect. */
  readonly only?: readonly number[];
}

/** What a search has seen. */
export interface Explored {
  /** Interleavings, no two of them the same. */
  readonly runs: number;
  /** Runs cut off because they would have repeated another. */
  readonly cutOff: number;
  /** Slots of all runs together, those cut off included. */
  readonly slots: number;
  /** Slots of the longest one. */
  readonly slotsMax: number;
  /** Every interleaving was played: no `only`, and the bound has left out none. */
  readonly isComplete: boolean;
}

/** Plays `program` in every order. What it throws is thrown, with the interleaving that led to it. */
export async function explore(program: (play: Play) => Promise<void>, options: ExploreOptions = {}): Promise<Explored> {
  const { runsMax = exploredRunsMax, only } = options;
  // What is played `only` stays within nothing but its choices.
  const preemptionsMax =
    only === undefined ? (options.preemptionsMax ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  const choices = new Choices(only);
  let runs = 0;
  let cutOff = 0;
  let slots = 0;
  let slotsMax = 0;
  do {
    if (runs + cutOff >= runsMax) throw new Defect(`the program has more than ${runsMax} runs: make it smaller`);
    const play = new Play(choices, preemptionsMax);
    try {
      await program(play);
      await play.finish();
      choices.finish();
      runs += 1;
      slotsMax = Math.max(slotsMax, play.slots);
    } catch (error) {
      if (error !== REPEATED) throw failedIn(play, choices, error);
      cutOff += 1;
    }
    slots += play.slots;
    // A rejection that nobody handles belongs to this run, and is told before the next.
    await quiet();
  } while (only === undefined && choices.advance());
  const isComplete = only === undefined && !choices.leftOut;
  return { runs, cutOff, slots, slotsMax, isComplete };
}

function failedIn(play: Play, choices: Choices, error: unknown): Defect {
  const message = error instanceof Error ? error.message : String(error);
  const path = JSON.stringify(choices.path);
  return new Defect(`${message}\n  in the interleaving ${play.trace.join(" ")}\n  { only: ${path} }`, { cause: error });
}
