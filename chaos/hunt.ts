/**
 * A hunt: which runs it is made of. Each is short and has a seed of its own, which also says what is tried: every other run is
 * anything of all that goes wrong, or a few kinds of it; those between are every other scenario in turn.
 */
import type { Plan } from "#chaos/plan.ts";
import { planOf } from "#chaos/scenario.ts";
import { SCENARIOS } from "#chaos/scenarios.ts";
import { minute, second } from "#runtime/units.ts";

/** Runs, unless it is said. */
export const HUNT_RUNS = 100;
export const HUNT_RUNS_MAX = 1_000_000;
/** Failed runs, after which a hunt ends: they are to be looked at first. */
export const HUNT_FAILED_MAX = 10;
/** Of so many runs one may be invalid: a fault of it did nothing, and all else held. With more of them, what makes plans is at fault. */
export const HUNT_INVALID_EVERY_MIN = 50;
/** Longest real time of one run; some seconds are usual. What takes longer hangs, and has failed. */
export const HUNT_RUN_MS_MAX: number = 10 * minute;

const SHORT_MS: number = 20 * second;
/** With servers it takes longer until all is well again, and the next fault has something to break. */
const SERVERS_MS: number = 60 * second;
/** So many are as long as their scenario says. */
const LONG_EVERY = 32;
const LONG_AT = 5;

const simulated = SCENARIOS.filter(({ executors }) => executors.includes("sim"));
const isMixed = (name: string): boolean => MIXED.includes(name);
const MIXED: readonly string[] = ["everything-at-once", "a-few-kinds-at-once"];
const mixed = simulated.filter(({ name }) => isMixed(name));
const others = simulated.filter(({ name }) => !isMixed(name));

/** The run of a seed, whichever hunt it is in. */
export function huntedPlan(seed: number): Plan {
  const among = seed % 2 === 0 ? mixed : others;
  const at = Math.floor(seed / 2);
  const scenario = among[at % among.length] as (typeof among)[number];
  const isLong = at % LONG_EVERY === LONG_AT;
  const shortMs = scenario.producers === undefined ? SHORT_MS : SERVERS_MS;
  return planOf(scenario, { seed, durationMs: isLong ? undefined : shortMs });
}
