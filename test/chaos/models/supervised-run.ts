/** A system whose workers crash by chance, on a clock that stands still, looked at whenever something may have happened. */
import { isDeepStrictEqual } from "node:util";
import type { SupervisorLook } from "#chaos/models/supervisor-run.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { Defect } from "#runtime/errors.ts";
import type { Cast } from "#runtime/protocol.ts";
import type { Random } from "#runtime/random.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Budget } from "#supervisor/child-spec.ts";
import { startSystem } from "#supervisor/system/start-system.ts";
import type { System } from "#supervisor/system/system.ts";
import { worker } from "#supervisor/system/worker.ts";

const NAMES = ["one", "two"] as const;
/** Between two things that happen to it: some of them close together, some past every pause. */
const PAUSES_MS = [0, 1, 40, 300, 2000, 9000, 31_000, 61_000, 125_000] as const;

interface FragileProtocol {
  break: Cast<Record<never, never>>;
}

/** Its next lives do not come up, so many of them. */
interface Frail {
  failingStarts: number;
}

const fragile: Behavior<FragileProtocol, Record<never, never>, Frail, Frail> = {
  name: "fragile",
  init: (frail) => {
    if (frail.failingStarts === 0) return frail;
    frail.failingStarts -= 1;
    throw new Defect("it does not start");
  },
  handlers: {
    break: () => {
      throw new Defect("it breaks");
    },
  },
};

export interface SupervisedRunOptions {
  readonly intensity: Budget;
  readonly stepCount: number;
}

/** What was seen of one run. */
export async function supervisedRun(
  simulation: Simulation,
  { intensity, stepCount }: SupervisedRunOptions,
): Promise<readonly SupervisorLook[]> {
  const life = simulation.begin();
  const looks: SupervisorLook[] = [];
  const exits = new Map<string, number>();
  const failedStarts = new Map<string, number>();
  const resumes = new Map<string, number>();
  let system: System | undefined;
  const look = (): void => {
    const children = system?.status().map(({ name, state, lives }) => {
      const of = (counts: ReadonlyMap<string, number>): number => counts.get(name) ?? 0;
      return { name, state, lives, exits: of(exits), failedStarts: of(failedStarts), resumes: of(resumes) };
    });
    if (children === undefined) return;
    // That time passes and nothing happens is no look.
    if (isDeepStrictEqual(children, looks.at(-1)?.children)) return;
    looks.push({ atMs: simulation.clock.nowMs(), children });
  };
  const frails = NAMES.map((): Frail => ({ failingStarts: 0 }));
  const children = NAMES.map((name, at) =>
    worker({ name, behavior: fragile, deps: () => frails[at] ?? { failingStarts: 0 } }),
  );
  // What is logged is decided in the same turn: a look is due when that is over.
  const log = heard(life.log({}), (message, fields) => {
    const isExit = message === "supervisor.child-exited";
    if (isExit) countOne(exits, String(fields?.["child"]));
    if (isExit && fields?.["reason"] === "start-failed") countOne(failedStarts, String(fields["child"]));
    void Promise.resolve().then(look);
  });
  system = await simulation.until(startSystem({ name: "system", seams: life.base, log, intensity, children }));
  look();
  let hasEnded = false;
  void system.ended.then(() => {
    hasEnded = true;
  });
  for (let step = 0; step < stepCount && !hasEnded; step += 1) {
    happen(system, frails, resumes, simulation.random);
    await pass(simulation, PAUSES_MS[simulation.random.below(PAUSES_MS.length)] ?? 0, look);
  }
  await simulation.until(system.stop());
  return looks;
}

function happen(system: System, frails: readonly Frail[], resumes: Map<string, number>, random: Random): void {
  const at = random.below(NAMES.length);
  const name = NAMES[at] ?? NAMES[0];
  const frail = frails[at];
  switch (random.below(8)) {
    case 0:
      // Refused where it is up.
      if (system.resume(name).ok) countOne(resumes, name);
      break;
    case 1:
      system.kill(name);
      break;
    case 2:
      if (frail !== undefined) frail.failingStarts += random.below(3);
      break;
    case 3:
      break;
    default:
      system.ref(fragile, name).cast("break", {});
  }
}

/** From timer to timer. */
async function pass(simulation: Simulation, ms: number, look: () => void): Promise<void> {
  const { clock } = simulation;
  const endMs = clock.nowMs() + ms;
  await simulation.settle();
  look();
  for (let due = clock.nextDueMs; due !== undefined && due <= endMs; due = clock.nextDueMs) {
    await simulation.advance(Math.max(0, due - clock.nowMs()));
    look();
  }
  await simulation.advance(endMs - clock.nowMs());
  look();
}

function countOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function heard(log: Log, onLine: (...line: Parameters<Log["info"]>) => void): Log {
  const over =
    (level: "debug" | "info" | "warn" | "error"): Log["info"] =>
    (...line) => {
      log[level](...line);
      onLine(...line);
    };
  return {
    debug: over("debug"),
    info: over("info"),
    warn: over("warn"),
    error: over("error"),
    with: (fields) => heard(log.with(fields), onLine),
  };
}
