/** Whether the check that is there for a planted bug sees it: short runs of its scenario, one seed after the other. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import type { PatchedBug, PlantedBug } from "#chaos/plants.ts";
import { patchedEnv } from "#chaos/real/patched.ts";
import { runPlan } from "#chaos/runner.ts";
import { planOf } from "#chaos/scenario.ts";
import { scenarioNamed } from "#chaos/scenarios.ts";
import { assert } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

/** A bug may need the right moment. */
const SEEDS_MAX = 12;
const SHORT_MS: number = 20 * second;

/** What the check said, and under which seed. */
export interface Seen {
  readonly seed: number;
  readonly said: string;
}

export async function lookFor(bug: PlantedBug): Promise<Seen | undefined> {
  const scenario = scenarioNamed(bug.scenario);
  assert(scenario !== undefined, `there is a scenario ${bug.scenario}`);
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    const plan = planOf(scenario, { seed, durationMs: SHORT_MS });
    const checks =
      "into" in bug ? (await runPlan({ plan, executor: "sim", plant: bug })).checks : await apart(plan, bug);
    const said = checks[bug.seenBy];
    // What was not looked at says nothing of the bug.
    if (said !== undefined && said !== "pass" && said !== "not checked") return { seed, said };
  }
  return undefined;
}

/** In a process that reads its sources with the bug. */
async function apart(plan: Plan, bug: PatchedBug): Promise<Outcome["checks"]> {
  const folder = mkdtempSync(join(tmpdir(), "cepa-plant-"));
  try {
    const path = join(folder, "plan.json");
    writeFileSync(path, JSON.stringify(plan));
    const told = join(folder, "planted");
    const { name, executor = "sim" } = bug;
    const words = [
      join(import.meta.dirname, "..", "main.ts"),
      "run",
      path,
      "--plant",
      name,
      "--executor",
      executor,
      "--json",
    ];
    const child = spawn(process.execPath, words, {
      env: { ...patchedEnv(bug.patch, told), CEPA_CHAOS_RECORDS: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err] = [child.stdout, child.stderr].map(textOf);
    await once(child, "close");
    assert(existsSync(told), `${bug.name} was planted: ${await err}`);
    const last = (await out)?.trim().split("\n").at(-1) ?? "";
    return (JSON.parse(last) as Outcome).checks;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const bytes of stream) text += String(bytes);
  return text;
}
