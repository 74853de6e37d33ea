/** Runs a plan in simulation: a whole node on virtual time, where a run is a function of its seed. */
import { type CheckName, Checks } from "#chaos/checks.ts";
import { judged, notRun, type Outcome, type Sample, verdictOf } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { NOTHING_PLAYED, play } from "#chaos/play.ts";
import { SimulatedWorld } from "#chaos/simulated/world.ts";
import { guarded, unguarded } from "#runtime/real/guard.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";
import { minute } from "#runtime/units.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";

/** Beside its duration and the time to settle: starts, stops and the last look at everything. */
const BESIDE_MS: number = 30 * minute;

export interface SimulatedRun {
  readonly plan: Plan;
  readonly catalogue: LoadedCatalogue;
  /** A bug in it. */
  readonly plant?: ((catalogue: LoadedCatalogue) => LoadedCatalogue) | undefined;
  readonly wanted: readonly CheckName[];
  /** May use the real world: it is no part of the simulation. */
  readonly onSample: (sample: Sample) => void;
}

export async function runSimulated({ plan, catalogue, plant, wanted, onSample }: SimulatedRun): Promise<Outcome> {
  const simulation = new Simulation(plan.seed);
  const facts = { scenario: plan.scenario, executor: "sim", seed: plan.seed } as const;
  const checks = new Checks();
  const hasEvents = (plan.producers ?? 0) > 0;
  const world = new SimulatedWorld({ simulation, catalogue, plant, config: plan.config, hasEvents });
  const reason = plan.faults.map((fault) => world.cannot(fault)).find((one) => one !== undefined);
  if (reason !== undefined) return notRun(facts, reason);
  let played = NOTHING_PLAYED;
  let defect: string | undefined;
  try {
    await guarded(async () => {
      const { random } = simulation;
      const tell = (sample: Sample): void => unguarded(() => onSample(sample));
      const running = play({ world, plan, checks, random, onSample: tell });
      played = await simulation.until(running, plan.durationMs + plan.settlesWithinMs + BESIDE_MS);
    });
  } catch (error) {
    defect = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  simulation.end();
  const said = judged(checks, wanted, defect);
  const { stepCount: steps, events } = simulation;
  const told = { events: events.count, steps, digest: events.hex() };
  return { ...facts, ...played, ...told, verdict: verdictOf(said), checks: said };
}
