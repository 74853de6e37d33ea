/**
 * Runs a scenario under many seeds: each guarded against the real world, some of them twice, to prove that what happened was
 * a function of the seed.
 */
import { assert, Defect } from "#runtime/errors.ts";
import { guarded } from "#runtime/real/guard.ts";
import { type EventDigest, firstDifference } from "#runtime/simulated/event-digest.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";

/** Every so-many-th seed is run twice, unless it is told otherwise. */
export const REPEAT_EVERY = 20;
/** Events that a failure shows, the newest last. */
const EVENTS_SHOWN = 30;
/** Of each of them, characters. */
const EVENT_LENGTH_SHOWN = 240;

/**
 * What a user writes: it drives `simulation`, and rejects with what does not hold. The run ends when it settles, and so do
 * its lives: what is still under way then goes no further, and is no part of the digest.
 */
export type Scenario = (simulation: Simulation) => Promise<void>;

/** Which seeds are run, and how many of them twice. */
export interface SeedsOptions {
  /** The first seed. Default 1. */
  readonly from?: number;
  /** How many seeds, one after another: a whole number from 1 on. Anything else is a defect, for it would prove nothing. */
  readonly count: number;
  /** Every so-many-th of them is run twice; the first is. At least 1. Default `REPEAT_EVERY`. */
  readonly repeatEvery?: number;
}

/** What was run, all of it as it should be. */
export interface SeedsRun {
  readonly runs: number;
  /** Of those, the ones whose digest was compared with that of another run of the same seed. */
  readonly repeated: number;
  /** Observable events, over all runs. */
  readonly events: number;
}

/** A scenario that did not hold. To see it again, run one seed from `seed` on. */
export class ScenarioFailed extends Defect {
  readonly seed: number;

  constructor(seed: number, what: string, cause?: unknown) {
    super(`seed ${seed}: ${what}`, { cause });
    this.seed = seed;
  }
}

/** Rejects with `ScenarioFailed` at the first seed that does not hold, or is not the same again. */
export async function runSeeds(options: SeedsOptions, scenario: Scenario): Promise<SeedsRun> {
  const { from = 1, count, repeatEvery = REPEAT_EVERY } = options;
  const isCount = Number.isSafeInteger(count) && count >= 1;
  assert(isCount, `count, the seeds to run, is a whole number from 1 on, not ${count}`);
  assert(repeatEvery >= 1, `repeatEvery is at least 1, not ${repeatEvery}`);
  const done = { runs: 0, repeated: 0, events: 0 };
  for (let index = 0; index < count; index += 1) {
    const seed = from + index;
    const events = await run(seed, scenario);
    done.runs += 1;
    done.events += events.count;
    if (index % repeatEvery !== 0) continue;
    const again = await run(seed, scenario);
    done.repeated += 1;
    if (events.hex() === again.hex()) continue;
    throw new ScenarioFailed(seed, `it is not the same again:\n${firstDifference(events, again)}`);
  }
  return done;
}

/** One run, guarded. Gives the digest of what happened in it. */
export async function runSeed(seed: number, scenario: Scenario): Promise<string> {
  return (await run(seed, scenario)).hex();
}

async function run(seed: number, scenario: Scenario): Promise<EventDigest> {
  const simulation = new Simulation(seed);
  try {
    await guarded(() => scenario(simulation));
  } catch (error) {
    throw new ScenarioFailed(seed, `${said(error)}\nafter\n${lastEvents(simulation.events)}`, error);
  } finally {
    simulation.end();
  }
  return simulation.events;
}

function said(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function lastEvents({ lines }: EventDigest): string {
  return lines
    .slice(-EVENTS_SHOWN)
    .map((line) => `  ${line.slice(0, EVENT_LENGTH_SHOWN)}`)
    .join("\n");
}
