/** Plays the plans that it is handed, one at a time, in a thread of its own. */
import { parentPort, workerData } from "node:worker_threads";
import type { Plan } from "#chaos/plan.ts";
import { plantedBug } from "#chaos/plants.ts";
import { runPlan } from "#chaos/runner.ts";

const { plant } = workerData as { readonly plant: string | undefined };
const bug = plant === undefined ? undefined : plantedBug(plant);

parentPort?.on("message", (plan: Plan) => {
  void runPlan({ plan, executor: "sim", plant: bug }).then((outcome) => parentPort?.postMessage(outcome));
});
