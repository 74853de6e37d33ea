/** An actor, the threads of a pool, a cell, a supervisor and an external server: one specification for all (SUP-28). */
import assert from "node:assert/strict";
import { Actor } from "#runtime/actor.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { type ExitReason, ok } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealCpu } from "#runtime/real/cpu.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { minute } from "#runtime/units.ts";
import { ActorChild } from "#supervisor/cell/actor-child.ts";
import { PoolChild } from "#supervisor/cell/pool-child.ts";
import { CellChild } from "#supervisor/root/cell-child.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { SupervisorChild } from "#supervisor/supervisor-child.ts";
import type { Report } from "#supervisor/wire.ts";
import { testMachine } from "#test/kit/actor.ts";
import { dies } from "#test/runtime/seams/broken-worker.ts";
import { forever } from "#test/runtime/seams/cpu-suite.ts";
import { type ChildCase, childSuite, type Plan } from "#test/supervisor/child-suite.ts";
import { cellFacts, FakeChild, silent } from "#test/supervisor/kit.ts";
import { serverStage } from "#test/supervisor/server/kit.ts";

const TURNS_MAX = 400;

/** Moves time until it comes to pass. */
function untilBy(clock: ManualClock): ChildCase["until"] {
  return async (condition) => {
    for (let turn = 0; turn < TURNS_MAX && !condition(); turn += 1) await clock.advance(10);
    assert(condition(), "it comes to pass");
  };
}

childSuite({
  name: "actor",
  plans: ["fail", "hang"],
  make: () => {
    let plan: Plan = "up";
    let aliveCount = 0;
    const { machine, clock } = testMachine();
    const behavior: Behavior<Record<never, never>, Record<never, never>, undefined, undefined> = {
      name: "echo",
      init: async (_deps, ctx) => {
        if (plan === "fail") throw new TypeError("does not start");
        aliveCount += 1;
        ctx.scope.add(() => {
          aliveCount -= 1;
        });
        if (plan === "hang") await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
        return undefined;
      },
      handlers: {},
    };
    const actor = new Actor(
      {
        name: "echo",
        behavior: behavior as unknown as Behavior<never, never, never, never>,
        deps: undefined,
        mailbox: { capacity: 2, overflow: "reject" },
        laterMax: 2,
        shutdownMs: 1000,
      },
      machine,
    );
    return {
      child: new ActorChild(actor, () => assert.fail("it is unclean")),
      plan: (next) => {
        plan = next;
      },
      crash: () => actor.kill(new TypeError("broken")),
      alive: () => aliveCount,
      until: untilBy(clock),
    };
  },
});

childSuite({
  name: "supervisor",
  plans: ["hang"],
  make: () => {
    const clock = new ManualClock();
    const leaf = new FakeChild("leaf", []);
    const spec = {
      name: "leaf",
      restart: "permanent",
      budget: { restartsMax: 9, periodMs: 1 * minute },
      shutdownMs: 500,
    } as const;
    const child = new SupervisorChild(
      "low",
      (onEscalate) =>
        new Supervisor({
          name: "low",
          strategy: "one-for-one",
          intensity: { restartsMax: 0, periodMs: 1 * minute },
          rungs: [[{ spec, child: leaf }]],
          clock,
          random: seededRandom(1),
          log: silent,
          metrics: new Metrics(),
          bus: { publish: () => undefined },
          onEscalate,
          onStuck: () => assert.fail("it is stuck"),
        }),
    );
    return {
      child,
      plan: (next) => leaf.startPlan.splice(0, leaf.startPlan.length, next),
      crash: () => leaf.exit(),
      alive: () => leaf.alive,
      until: untilBy(clock),
    };
  },
});

childSuite({
  name: "server",
  plans: ["fail", "hang"],
  make: () => {
    const on = serverStage();
    return {
      child: on.child,
      plan: (next) => {
        on.behave = (self) => (next === "fail" ? self.exit(1) : undefined);
        on.probe = () => (next === "up" ? Promise.resolve(true) : new Promise(() => undefined));
      },
      crash: () => on.server().end({ code: 1, signal: undefined }),
      alive: () => on.processes.children.length,
      until: untilBy(on.clock),
    };
  },
});

childSuite({
  name: "cell",
  plans: ["fail", "hang"],
  make: () => {
    const clock = new ManualClock();
    let plan: Plan = "up";
    let end: ((reason: ExitReason) => void) | undefined;
    const finish = (reason: ExitReason): void => {
      const told = end;
      end = undefined;
      told?.(reason);
    };
    const open = () => {
      let tell: (report: Report) => void = () => undefined;
      return ok({
        pid: 42,
        send: ({ kind }: { readonly kind: string }) => {
          if (kind === "begin" && plan === "up") tell({ kind: "started" });
          if (kind === "begin" && plan === "fail") tell({ kind: "failed", cause: "defect", message: "broken" });
          if (kind === "drain") tell({ kind: "drained" });
          if (kind === "leave") finish({ kind: "normal" });
          return end !== undefined;
        },
        onReport: (receive: (report: Report) => void) => {
          tell = receive;
        },
        onEnd: (run: (reason: ExitReason) => void) => {
          end = run;
        },
        kill: () => finish({ kind: "killed", afterMs: 0 }),
      });
    };
    const child = new CellChild({
      name: "data",
      host: { open: async () => open() },
      clock,
      log: silent,
      facts: () => cellFacts(),
      onEvent: () => undefined,
      onChange: () => undefined,
      onConfigRefused: () => undefined,
      onMisplaced: () => undefined,
      onBuildChanged: () => undefined,
      onLog: () => undefined,
      onListens: () => undefined,
    });
    return {
      child,
      plan: (next) => {
        plan = next;
      },
      crash: () => finish({ kind: "crashed", defect: "broken" }),
      alive: () => (end === undefined ? 0 : 1),
      until: untilBy(clock),
    };
  },
});

childSuite({
  name: "pool",
  plans: [],
  make: (context) => {
    const workerFile = new URL("../runtime/seams/broken-worker.ts", import.meta.url);
    const cpu = createRealCpu({ clock: realClock, threads: 1, workerFile });
    context.after(() => cpu.close());
    const { lives } = cpu;
    assert(lives !== undefined, "it has threads");
    let isUp = false;
    const child = new PoolChild("pool", {
      ...lives,
      start: () => {
        lives.start();
        isUp = true;
      },
      stop: async () => {
        await lives.stop();
        isUp = false;
      },
      onExit: (run) =>
        lives.onExit((reason) => {
          isUp = false;
          run(reason);
        }),
    });
    return {
      child,
      plan: () => undefined,
      crash: () => void cpu.run("digest", { bytes: new Uint8Array([dies]) }, forever),
      alive: () => (isUp ? 1 : 0),
      until: async (condition) => {
        const limitMs = realClock.nowMs() + 20_000;
        while (!condition() && realClock.nowMs() < limitMs) {
          await new Promise((resolve) => {
            setTimeout(resolve, 5);
          });
        }
        assert(condition(), "it comes to pass");
      },
    };
  },
});
