/**
 * Runs a plan on a node as it runs: a tree of processes of this machine, real time, real signals, and where it is
 * asked for a disk and a clock that can be broken.
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { type CheckName, Checks } from "#chaos/checks.ts";
import { judged, notRun, type Outcome, type Sample, verdictOf } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { NOTHING_PLAYED, play } from "#chaos/play.ts";
import { Afterwards } from "#chaos/real/afterwards.ts";
import { AT_GATES } from "#chaos/real/network/gates.ts";
import { isOfPackets, OwnNetwork } from "#chaos/real/network/own-network.ts";
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

/** What a user ends a run with: nothing of it may be left then either. */
const INTERRUPTIONS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

type RealWorld = World & Pick<ProcessWorld, "discard">;

export async function runReal({ plan, wanted, onSample, executor }: RealRun): Promise<Outcome> {
  const facts = { scenario: plan.scenario, executor, seed: plan.seed };
  const missing = executor === "os" ? await osMissing(plan.faults) : undefined;
  if (missing !== undefined) return notRun(facts, missing);
  const world = await makeWorld(executor, plan);
  if (typeof world === "string") return notRun(facts, world);
  const checks = new Checks();
  let played = NOTHING_PLAYED;
  let defect: string | undefined;
  // Timers of the runtime keep nothing alive.
  const alive = setInterval(() => undefined, second);
  const interrupted = (signal: NodeJS.Signals): void => {
    void world.discard().finally(() => process.exit(128 + constants.signals[signal]));
  };
  for (const signal of INTERRUPTIONS) process.once(signal, interrupted);
  try {
    const reason = plan.faults.map((fault) => world.cannot(fault)).find((one) => one !== undefined);
    if (reason !== undefined) return notRun(facts, reason);
    played = await play({ world, plan, checks, random: seededRandom(plan.seed), onSample });
  } catch (error) {
    defect = error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    await world.discard();
    for (const signal of INTERRUPTIONS) process.off(signal, interrupted);
    clearInterval(alive);
  }
  const said = judged(checks, wanted, defect);
  const events = Object.values(played.tally).reduce((sum, count) => sum + count, 0);
  const digest = createHash("sha256")
    .update(JSON.stringify([plan, played, said]))
    .digest("hex");
  return { ...facts, ...played, verdict: verdictOf(said), events, digest, checks: said };
}

/** Or why it cannot be made here. */
async function makeWorld(
  executor: RealRun["executor"],
  { config, seed, faults, producers = 0 }: Plan,
): Promise<RealWorld | string> {
  const kinds = faults.map(({ kind }) => kind);
  const random = seededRandom(~seed);
  const hasEvents = producers > 0;
  if (executor === "process") {
    const directory = newDirectory();
    const dataDirectory = join(directory, "data");
    mkdirSync(dataDirectory);
    return new ProcessWorld({
      dataDirectory,
      folder: directory,
      afterwards: new Afterwards(directory, dataDirectory),
      config,
      random,
      hasEvents,
      isGated: kinds.some((kind) => AT_GATES.has(kind)),
    });
  }
  const network = faults.some(isOfPackets) ? await OwnNetwork.make(seed) : undefined;
  if (typeof network === "string") return network;
  // What the network of its own does not do.
  const isGated = kinds.includes("broken-connections");
  try {
    return await OsWorld.make({ directory: newDirectory(), config, random, faults, hasEvents, isGated, network });
  } catch (error) {
    await network?.close();
    throw error;
  }
}

function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), "cepa-chaos-"));
}
