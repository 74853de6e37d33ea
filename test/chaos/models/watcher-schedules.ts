/** Runs of a real watcher that is looked at: one at random, by a seed, and those of every order within a few preemptions. */
import { type RefusedChanges, WATCHER_STEP_MS, type WatcherLook } from "#chaos/models/watcher-run.ts";
import { turnsOver } from "#runtime/real/turns-over.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { type Explored, explore } from "#runtime/simulated/explore.ts";
import { ExploredClock } from "#runtime/simulated/explored-clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { SeenWatcher } from "#test/chaos/models/seen-watcher.ts";

/** Steps of time in which a run comes to its end. */
const SETTLE_STEPS = 100;
/** Of a busy file: more of it than the watcher waits for quiet. */
const BUSY_STEPS = 25;

export interface WatcherSchedule extends RefusedChanges {
  readonly looks: readonly WatcherLook[];
}

export async function randomWatcherRun(seed: number, stepCount: number): Promise<WatcherSchedule> {
  const random = seededRandom(seed);
  const clock = new ManualClock();
  const due: (() => void)[] = [];
  const event = (_: string, happen: () => void): (() => void) => {
    due.push(happen);
    return () => due.splice(due.indexOf(happen), 1);
  };
  const numbers = Array.from({ length: 200 }, (_, at) => at + 1);
  const refused = numbers.filter(() => random.below(4) === 0);
  // What nobody can read is not taken by whoever relents.
  const relents = random.below(2) === 0;
  const unreadable = relents ? [] : numbers.filter((number) => !refused.includes(number) && random.below(5) === 0);
  const watcher = new SeenWatcher({ clock, event, refused, unreadable });
  const happenOne = async (): Promise<void> => {
    if (due.length > 0) due.splice(random.below(due.length), 1)[0]?.();
    await turnsOver();
  };

  for (let step = 0; step < stepCount; step += 1) {
    const what = random.below(100);
    if (what < 20) watcher.change();
    else if (what < 55) await clock.advance(WATCHER_STEP_MS);
    else if (what < 92) await happenOne();
    else if (what < 97) watcher.ask();
    else if (what < 98 && relents) watcher.relent();
    else if (what === 99 && random.below(3) === 0) {
      for (let busy = 0; busy < BUSY_STEPS; busy += 1) {
        watcher.change();
        await happenOne();
        await clock.advance(WATCHER_STEP_MS);
      }
    }
    await turnsOver();
  }
  if (random.below(3) === 0) watcher.close();
  for (let step = 0; step < SETTLE_STEPS && (due.length > 0 || watcher.isTimed); step += 1) {
    if (due.length > 0) await happenOne();
    else await clock.advance(WATCHER_STEP_MS);
  }
  watcher.look();
  return { refused, unreadable, looks: watcher.looks };
}

/** A file that changes twice, somebody who asks for it, and the end at any time. `heard` is called once for each run. */
export function exploreWatcher(preemptionsMax: number, heard: (run: WatcherSchedule) => void): Promise<Explored> {
  const [refused, unreadable] = [[2], []];
  return explore(
    async (play) => {
      const clock = new ExploredClock(play);
      const event = (name: string, happen: () => void): (() => void) => play.event(name, happen);
      const watcher = new SeenWatcher({ clock, event, refused, unreadable });
      play.script(
        "writer",
        () => watcher.change(),
        () => watcher.change(),
        () => watcher.relent(),
      );
      play.script("operator", () => watcher.ask());
      play.script("end", () => watcher.close());
      await play.interleave();
      watcher.look();

      heard({ refused, unreadable, looks: watcher.looks });
    },
    { preemptionsMax, runsMax: 1_000_000 },
  );
}
