/**
 * How fast a simulation is: steps in a second of a core.
 *
 * A step is what the simulation decides: a turn that its scheduler chooses among those in line, or a timer that falls due
 * (`Simulation.stepCount`). What a turn does is part of it: of a node all that it computes, hashes, signs and copies, the clients that
 * ask it, the check of each answer, and the digest of what happens. A second is one of processor time, of all threads of the process:
 * those that compile and collect are no gift, and what else the machine does is nobody's time.
 */
import { counter, patient } from "#bench/actors/counter.ts";
import { judge, targeted } from "#bench/actors/target.ts";
import { type Measurement, median } from "#bench/measurement.ts";
import { runPlan } from "#chaos/runner.ts";
import { planOf } from "#chaos/scenario.ts";
import { scenarioNamed } from "#chaos/scenarios.ts";
import { assert, must } from "#runtime/errors.ts";
import { guarded } from "#runtime/real/guard.ts";
import { SimulatedCell } from "#runtime/simulated/cell.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";
import { minute, second } from "#runtime/units.ts";

const SCENARIO = "everything-at-once";
/** As long as the plans of the tests, of which a fifth is the start, the way back and the end; and one of which little is. */
const SHORT_MS: number = 20 * second;
const LONG_MS: number = 4 * minute;
const WARM_UP = 5;
const SHORT_RUNS = 15;
const LONG_RUNS = 3;
const STEPS_MIN = 100_000;

const ACTOR_RUNS = 15;
const CALLERS = 4;
const CALLS_OF_EACH = 5_000;

/** Steps of one run, all of whose answers were right. */
type Run = (seed: number) => Promise<number>;

export async function* benchSimulation(): AsyncGenerator<Measurement> {
  yield* rateOf("simulation.node-steps-20s", nodeFor(SHORT_MS), SHORT_RUNS, true);
  yield* rateOf("simulation.node-steps-4min", nodeFor(LONG_MS), LONG_RUNS, true);
  yield* rateOf("simulation.actor-steps", callOneActor, ACTOR_RUNS, false);
}

async function* rateOf(name: string, run: Run, runs: number, isJudged: boolean): AsyncGenerator<Measurement> {
  for (let seed = 1; seed <= Math.min(WARM_UP, runs); seed += 1) await run(seed);
  const samples: number[] = [];
  for (let seed = 1; seed <= runs; seed += 1) {
    const before = process.cpuUsage();
    const steps = await run(seed);
    const { user, system } = process.cpuUsage(before);
    samples.push(Math.round(steps / ((user + system) / 1e6)));
  }
  const value = median(samples);
  yield { name, value, unit: "/s", samples, ...(isJudged ? targeted(judge({ least: STEPS_MIN }, value, "/s")) : {}) };
}

/** A whole node, with clients and every kind of fault. */
function nodeFor(durationMs: number): Run {
  const scenario = scenarioNamed(SCENARIO);
  assert(scenario !== undefined, `there is a scenario ${SCENARIO}`);
  return async (seed) => {
    const { verdict, steps = 0 } = await runPlan({ plan: planOf(scenario, { seed, durationMs }), executor: "sim" });
    assert(verdict === "pass", `${SCENARIO} passes under seed ${seed}`);
    return steps;
  };
}

/** What the simulation itself costs: one actor that adds, asked by a few, and each answer told. */
async function callOneActor(seed: number): Promise<number> {
  const simulation = new Simulation(seed);
  await guarded(async () => {
    const cell = new SimulatedCell(simulation);
    const { ref } = await simulation.until(cell.start(counter, undefined));
    let last = 0;
    const ask = async (caller: number): Promise<void> => {
      for (let call = 0; call < CALLS_OF_EACH; call += 1) {
        last = must(await ref.call("add", { amount: 1 }, patient), "adding");
        simulation.tell("answer", caller, last);
      }
    };
    await simulation.until(Promise.all(Array.from({ length: CALLERS }, (_, caller) => ask(caller))));
    assert(last === CALLERS * CALLS_OF_EACH, "every call was handled once");
  });
  simulation.end();
  return simulation.stepCount;
}
