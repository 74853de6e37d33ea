/** Seeds that have failed once: `seeds.txt`. A run that failed and was mended is run again for ever. */
import { PLAN_MS_MAX, type Plan } from "#chaos/plan.ts";
import { planOf } from "#chaos/scenario.ts";
import { SCENARIOS, scenarioNamed } from "#chaos/scenarios.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

/** A line that says no run. */
export interface SeedsInvalid extends Failure<"chaos.seeds-invalid"> {
  readonly problem: string;
}

/** One that was found. */
export interface FoundSeed {
  readonly plan: Plan;
  /** What was wrong. */
  readonly found: string;
}

const LINE = /^(\S+) (\d{1,10}) (\d{1,6}) (\S.*)$/;

export function readSeeds(text: string): Result<readonly FoundSeed[], SeedsInvalid> {
  const seeds: FoundSeed[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const seed = readLine(line);
    if (typeof seed === "string") return fail({ code: "chaos.seeds-invalid", problem: `line ${index + 1}: ${seed}` });
    seeds.push(seed);
  }
  return ok(seeds);
}

/** A sentence where it says no run. */
function readLine(line: string): FoundSeed | string {
  const [, name = "", seed, seconds, found = ""] = LINE.exec(line) ?? [];
  if (found === "") return "it has to be a scenario, a seed, seconds, and what was wrong";
  const scenario = scenarioNamed(name);
  if (scenario === undefined || !scenario.executors.includes("sim")) {
    const known = SCENARIOS.filter(({ executors }) => executors.includes("sim")).map(({ name: one }) => one);
    return `there is no simulated scenario ${name}: ${known.join(", ")}`;
  }
  const durationMs = Number(seconds) * second;
  if (Number(seed) >= 2 ** 32) return `${seed} is no seed: a whole number below 2^32`;
  if (durationMs < 1 || durationMs > PLAN_MS_MAX) return `a run takes 1 to ${PLAN_MS_MAX / second} s, not ${seconds}`;
  return { plan: planOf(scenario, { seed: Number(seed), durationMs }), found };
}

/** The line of a run that failed; what was wrong is for a person to say. */
export function lineOf({ scenario, seed, durationMs }: Plan, found: string): string {
  return `${scenario} ${seed} ${Math.round(durationMs / second)} ${found}`;
}
