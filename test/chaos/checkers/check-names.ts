/** One history of names in a simulation, and whether it is linearizable. */
import assert from "node:assert/strict";
import { checkLinearizability } from "#chaos/checkers/linearizability.ts";
import { nameModel } from "#chaos/checkers/name-model.ts";
import { tellProblem } from "#chaos/checkers/tell-problem.ts";
import { NamesHistory } from "#chaos/workload/names-history.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";

const model = nameModel();

/** Rejects with what does not hold. What happened is added to `sum`. */
export async function checkNames(
  simulation: Simulation,
  catalogue: LoadedCatalogue,
  sum: Record<string, number> = {},
): Promise<void> {
  const history = new NamesHistory(simulation, catalogue);
  const operations = await history.run();
  const { problems, ...counts } = checkLinearizability(operations, model);
  for (const [what, times] of Object.entries({ ...history.faults, ...history.workload.tally, ...counts })) {
    sum[what] = (sum[what] ?? 0) + times;
  }
  const wrong = [
    ...problems.map((problem) => tellProblem(problem, model, history.workload.recorder.incidents)),
    ...history.workload.frozenForNothing.map(
      (label) => `${label} froze, though its owner has kept the rule for signers`,
    ),
  ];
  assert(wrong.length === 0, wrong.join("\n\n"));
}
