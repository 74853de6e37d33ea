/**
 * Runs a plan on a node as it runs: a tree of processes of this machine, real time, real signals, and where it is
 * asked for a disk and a clock that can be broken.
 */
import { createHash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CheckName, Checks } from "#chaos/checks.ts";
import { judged, notRun, type Outcome, type Sample, verdictOf } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { NOTHING_PLAYED, play } from "#chaos/play.ts";
import { OsWorld, osMissing } from "#chaos/real/os-world.ts";
import { ProcessWorld } from "#chaos/real/process-world.ts";
import type { World } from "#chaos/world.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { second } from "#runtime/units.ts";

export interface RealRun {
  readonly plan: Plan;
  readonly wanted: readonly CheckName[];
  readonly onSample: (sample: Sample) => void;
  /** With faults of the disk and the clock under the node, or without. */
  readonly executor: "process" | "os";
}

type RealWorld = World & Pick<ProcessWorld, "discard">;

export async function runReal({ plan, wanted, onSample, executor }: RealRun): Promise<Outcome> {
  const facts = { scenario: plan.scenario, executor, seed: plan.seed };
  const missing = executor === "os" ? await osMissing() : undefined;
  if (missing !== undefined) return notRun(facts, missing);
  const world = makeWorld(executor, plan);
  const checks = new Checks();
  let played = NOTHING_PLAYED;
  let defect: string | undefined;
  // Timers of the runtime keep nothing alive.
  const alive = setInterval(() => undefined, second);
  try {
    const reason = plan.faults.map((fault) => world.cannot(fault)).find((one) => one !== undefined);
    if (reason !== undefined) return notRun(facts, reason);
    played = await play({ world, plan, checks, random: seededRandom(plan.seed), onSample });
  } catch (error) {
    defect = error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    clearInterval(alive);
    await world.discard();
  }
  const said = judged(checks, wanted, defect);
  const events = Object.values(played.tally).reduce((sum, count) => sum + count, 0);
  const digest = createHash("sha256")
    .update(JSON.stringify([plan, played, said]))
    .digest("hex");
  return { ...facts, ...played, verdict: verdictOf(said), events, digest, checks: said };
}

function makeWorld(executor: RealRun["executor"], { config, seed, producers = 0 }: Plan): RealWorld {
  const directory = mkdtempSync(join(tmpdir(), "cepa-chaos-"));
  const random = seededRandom(~seed);
  const hasEvents = producers > 0;
  if (executor === "os") return new OsWorld({ directory, config, random, hasEvents });
  return new ProcessWorld({ dataDirectory: directory, config, random, hasEvents });
}
