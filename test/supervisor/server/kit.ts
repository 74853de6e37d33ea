/** A server that exists only in memory, and the child that keeps it. Time is manual. */
import assert from "node:assert/strict";
import { describeExit, type ExitReason } from "#runtime/errors.ts";
import type { SpawnSpec, ThisProcess } from "#runtime/processes.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { type SimulatedChild, SimulatedProcesses } from "#runtime/simulated/processes.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import type { ProbeAnswer } from "#supervisor/server/readiness.ts";
import { type Launch, ServerChild, type ServerOptions } from "#supervisor/server/server-child.ts";
import { silent } from "#test/supervisor/kit.ts";

export const READINESS = { tryTimeoutMs: 100, pauseMs: 10, triesMax: 5 };

export interface ServerStage {
  readonly child: ServerChild;
  readonly clock: ManualClock;
  readonly processes: SimulatedProcesses;
  readonly exits: ExitReason[];
  /** When the probe was asked, ms. */
  readonly asked: number[];
  /** What the probe does; says yes at first. */
  probe: () => Promise<ProbeAnswer>;
  /** What every server of this stage does when it begins; serves at first. */
  behave: (self: ThisProcess, spec: SpawnSpec) => void;
  /** The one server that lives. */
  server(): SimulatedChild;
}

export function serverStage(options: Partial<ServerOptions & Launch> = {}): ServerStage {
  const { command = "serve", args = [], env = {}, cwd, ...rest } = options;
  const launch: Launch = { command, args, env, ...(cwd === undefined ? {} : { cwd }) };
  const clock = new ManualClock();
  const processes = new SimulatedProcesses({
    scheduler: seededScheduler(seededRandom(5)),
    programs: { serve: (self, spec) => made.behave(self, spec) },
  });
  const exits: ExitReason[] = [];
  const child = new ServerChild({
    name: "rows",
    processes,
    clock,
    log: silent,
    prepare: async () => launch,
    stopSignal: "SIGINT",
    readiness: {
      ...READINESS,
      probe: () => {
        made.asked.push(clock.nowMs());
        return made.probe();
      },
    },
    ...rest,
  });
  child.onExit((reason) => exits.push(reason));
  const made: ServerStage = {
    child,
    clock,
    processes,
    exits,
    asked: [],
    probe: async () => true,
    behave: () => undefined,
    server: () => {
      const [first] = processes.children;
      assert(first !== undefined, "a server lives");
      return first;
    },
  };
  return made;
}

/** A server that says `text` on stderr as soon as it begins, and goes on. */
export function saying(text: string): ServerStage["behave"] {
  return (_self, spec) => spec.onOutput?.(new TextEncoder().encode(text), "stderr");
}

/** Why a start failed, in words; undefined when it did not. */
export function whyOf(started: Awaited<ReturnType<ServerChild["start"]>>): string | undefined {
  return started.ok ? undefined : describeExit(started.failure.reason);
}
