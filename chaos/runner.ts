/** Runs plans, by whichever executor, with a bug planted in them or without. */
import { EVENT_CHECKS } from "#chaos/checkers/event-checker.ts";
import type { CheckName } from "#chaos/checks.ts";
import { type ExecutorName, notRun, type Outcome, type Sample } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import type { PlantedBug } from "#chaos/plants.ts";
import { runReal } from "#chaos/real/executor.ts";
import { isPatched } from "#chaos/real/patched.ts";
import { WANTED } from "#chaos/scenario.ts";
import { runSimulated } from "#chaos/simulated/executor.ts";
import { assert } from "#runtime/errors.ts";
import { catalogue } from "#supervisor/catalogue.ts";
import { type LoadedCatalogue, loadCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";

export interface RunOptions {
  readonly plan: Plan;
  readonly executor: ExecutorName;
  readonly plant?: PlantedBug | undefined;
  readonly onSample?: (sample: Sample) => void;
}

/** Loaded once: it reads files, which a simulation may not. */
let loading: Promise<LoadedCatalogue> | undefined;

export async function runPlan(options: RunOptions): Promise<Outcome> {
  const outcome = await run(options);
  return options.plant === undefined ? outcome : { ...outcome, plant: options.plant.name };
}

async function run({ plan, executor, plant, onSample = () => undefined }: RunOptions): Promise<Outcome> {
  const wanted = wantedOf(plan);
  const facts = { scenario: plan.scenario, seed: plan.seed };
  // Without it a run would show that the bug is not seen.
  assert(plant === undefined || "into" in plant || isPatched(plant.patch), "the sources are read with the bug");
  switch (executor) {
    case "sim": {
      loading ??= loadCatalogue(catalogue);
      const loaded = await loading;
      const into = plant !== undefined && "into" in plant ? plant.into : undefined;
      return await runSimulated({ plan, wanted, onSample, catalogue: loaded, plant: into });
    }
    case "process":
    case "os":
      if (plant !== undefined && "into" in plant) {
        return notRun({ ...facts, executor }, `the bug ${plant.name} is planted in simulations`);
      }
      return await runReal({ plan, wanted, onSample, executor });
  }
}

/** Without faults there is none that could take effect, and without producers no event. */
function wantedOf({ faults, producers = 0 }: Plan): readonly CheckName[] {
  const wanted: readonly CheckName[] = producers > 0 ? [...WANTED, ...EVENT_CHECKS, "events-come-to-rest"] : WANTED;
  return faults.length > 0 ? wanted : wanted.filter((name) => name !== "faults-took-effect");
}
