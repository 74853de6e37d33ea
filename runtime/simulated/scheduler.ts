/**
 * A scheduler whose order is a function of a seed.
 *
 * Turns queued as microtasks run in any order among those waiting; a macrotask runs only when no microtask waits and the
 * promise turns it started had time to settle. Everything is driven by promise turns, so `ManualClock.settle` drives it.
 * A turn that throws is a defect of the code under test: it surfaces as an unhandled rejection, the others still run.
 */
import type { Random } from "#runtime/random.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

/** Promise turns without new microtasks before a macrotask runs: the longest await chain expected of one turn. */
const quietTurnsBeforeMacrotask = 8;

/** The same draws of `random` give the same order of turns. */
export function seededScheduler(random: Random): Scheduler {
  const microtasks: (() => void)[] = [];
  const macrotasks: (() => void)[] = [];
  let pumping = false;

  const pump = async (): Promise<void> => {
    for (let quietTurns = 0; microtasks.length + macrotasks.length > 0; ) {
      await undefined;
      const microtask = takeAny(microtasks, random);
      if (microtask !== undefined) {
        quietTurns = 0;
        isolate(microtask);
        continue;
      }
      quietTurns += 1;
      if (quietTurns < quietTurnsBeforeMacrotask) continue;
      quietTurns = 0;
      const macrotask = takeAny(macrotasks, random);
      if (macrotask !== undefined) isolate(macrotask);
    }
    pumping = false;
  };

  const queue = (tasks: (() => void)[], run: () => void): void => {
    tasks.push(run);
    if (pumping) return;
    pumping = true;
    void pump();
  };

  return {
    microtask: (run) => queue(microtasks, run),
    macrotask: (run) => queue(macrotasks, run),
  };
}

/** Removes one at random. Order among the rest does not matter, so the last one fills the gap. */
function takeAny(tasks: (() => void)[], random: Random): (() => void) | undefined {
  const last = tasks.pop();
  if (last === undefined || tasks.length === 0) return last;
  const index = random.below(tasks.length + 1);
  if (index === tasks.length) return last;
  const chosen = tasks[index];
  tasks[index] = last;
  return chosen;
}

/** Runs it so that what it throws reaches the process as an unhandled rejection and not the pump. */
function isolate(run: () => void): void {
  void (async () => run())();
}
