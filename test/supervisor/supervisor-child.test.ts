/** Supervisors over supervisors: three levels, on a clock that stands still. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { describeExit, type ExitReason, fail, ok } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { minute, second } from "#runtime/units.ts";
import type { Child, Supervised } from "#supervisor/child.ts";
import type { SupervisorEvent } from "#supervisor/events.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { SupervisorChild } from "#supervisor/supervisor-child.ts";
import type { Escalation } from "#supervisor/supervisor-options.ts";
import { FakeChild, silent } from "#test/supervisor/kit.ts";

/** `top` over `mid` and `side`; `mid` over `low`; `low` over `a` and `b`. Each bears one restart a minute. */
class Tree {
  readonly clock = new ManualClock();
  readonly trace: string[] = [];
  readonly events: SupervisorEvent[] = [];
  readonly escalations: Escalation[] = [];
  readonly stuck: string[] = [];
  /** Children whose stop took longer than it may. */
  readonly overdue: unknown[] = [];
  readonly a = new FakeChild("a", this.trace);
  readonly b = new FakeChild("b", this.trace);
  readonly side = new FakeChild("side", this.trace);
  readonly low: SupervisorChild;
  readonly mid: SupervisorChild;
  readonly top: Supervisor;

  constructor(seed = 1) {
    const random = seededRandom(seed);
    const metrics = new Metrics();
    const log: Log = { ...silent, warn: (_event, fields) => this.overdue.push(fields?.["child"]) };
    const over = (name: string, children: readonly Child[], onEscalate: (cause: Escalation) => void): Supervisor =>
      new Supervisor({
        name,
        strategy: "one-for-one",
        intensity: { restartsMax: 1, periodMs: 1 * minute },
        rungs: children.map((child) => [supervised(child)]),
        clock: this.clock,
        random,
        log,
        metrics,
        bus: { publish: (event) => this.events.push(event) },
        onEscalate,
        onStuck: (child) => this.stuck.push(child),
      });
    this.low = new SupervisorChild("low", (onEscalate) => over("low", [this.a, this.b], onEscalate));
    this.mid = new SupervisorChild("mid", (onEscalate) => over("mid", [this.low], onEscalate));
    this.top = over("top", [this.mid, this.side], (cause) => this.escalations.push(cause));
  }

  /** `a` crashes, and everything that follows from it happens. */
  async crash(): Promise<void> {
    this.a.exit();
    await this.clock.advance(1 * second);
  }
}

function supervised(child: Child): Supervised {
  const budget = { restartsMax: 100, periodMs: 1 * minute };
  return { spec: { name: child.name, restart: "permanent", budget, shutdownMs: 5 * second }, child };
}

async function startedTree(): Promise<Tree> {
  const tree = new Tree();
  await tree.top.start();
  return tree;
}

const restartsOf = (tree: Tree): readonly string[] =>
  tree.events.flatMap((event) => (event.type === "childRestarted" ? [`${event.supervisor} ${event.child}`] : []));

describe("nested supervisors: start and stop", () => {
  it("start in order through all levels, and stop in reverse (SUP-25)", async () => {
    const tree = await startedTree();
    assert.deepEqual(tree.trace, ["start a", "start b", "start side"]);
    assert.deepEqual(
      tree.low.status().map(({ name, state }) => [name, state]),
      [
        ["a", "running"],
        ["b", "running"],
      ],
    );
    tree.trace.length = 0;

    await tree.top.shutdown(10 * second);

    assert.deepEqual(tree.trace, ["stop side", "stop b", "stop a"]);
    assert.deepEqual(tree.low.status(), []);
    assert.equal(tree.clock.armedCount, 0);
  });

  it("keep the deadlines below ahead of those above", async () => {
    const tree = await startedTree();
    tree.b.stubborn = true;
    tree.trace.length = 0;

    const closed = tree.top.shutdown(2 * second);
    await tree.clock.advance(2 * second);
    await closed;

    assert.deepEqual(tree.trace, ["stop side", "stop b", "kill b", "kill a", "stop a"]);
    assert.deepEqual([tree.overdue, tree.stuck], [["b", "a"], []]);
  });

  it("fail a start in which the intensity was exceeded, with its reason, when everything has stopped", async () => {
    const tree = new Tree();
    tree.b.startPlan.push("hang");
    const started = tree.low.start();
    await tree.clock.settle();
    tree.a.exit();
    await tree.clock.advance(1 * second);
    tree.a.exit();
    await tree.clock.settle();

    const reason = await started.then((result) => (result.ok ? undefined : result.failure.reason));

    assert(reason?.kind === "crashed");
    assert.equal(describeExit(reason), "too many restarts, the last of a: 'broken'");
    assert.deepEqual([tree.a.alive, tree.b.alive], [0, 0]);
  });

  it("end a start that is stopped or killed meanwhile, and say so once", async () => {
    for (const how of ["stop", "kill"] as const) {
      const tree = new Tree();
      const exits: ExitReason[] = [];
      tree.low.onExit((reason) => exits.push(reason));
      tree.b.startPlan.push("hang");
      const started = tree.low.start();
      await tree.clock.settle();

      if (how === "stop") await tree.low.stop(1 * second);
      else tree.low.kill();
      await tree.clock.advance(0);

      const reason: ExitReason = how === "stop" ? { kind: "shutdown" } : { kind: "killed", afterMs: 0 };
      assert.deepEqual(await started, fail({ code: "supervisor.start-failed", child: "low", reason }));
      assert.deepEqual(exits, []);
      assert.deepEqual([tree.a.alive, tree.b.alive], [0, 0]);
    }
  });

  it("can be killed: everything below is stopped without time, and that is an exit", async () => {
    const tree = await startedTree();
    tree.b.stubborn = true;
    tree.trace.length = 0;

    assert.deepEqual(tree.top.kill("mid"), ok());
    await tree.clock.advance(0);
    assert.deepEqual(tree.trace, ["kill b", "stop b", "kill a", "stop a"]);
    await tree.clock.advance(1 * second);

    assert.deepEqual(tree.trace.slice(4), ["start a", "start b"]);
    assert.deepEqual(
      tree.events.flatMap((event) => (event.type === "ServiceCrashed" ? [[event.service, event.reason]] : [])),
      [["mid", "killed"]],
    );
  });
});

describe("nested supervisors: escalation", () => {
  it("stops the whole subtree and starts it again, without a word to the others (SUP-25)", async () => {
    const tree = await startedTree();

    await tree.crash();
    assert.deepEqual(restartsOf(tree), ["low a"]);
    tree.trace.length = 0;
    await tree.crash();

    assert.deepEqual(restartsOf(tree), ["low a", "mid low"]);
    assert.deepEqual(tree.trace, ["exit a", "stop b", "stop a", "start a", "start b"]);
    const crashes = tree.events.filter(({ type }) => type === "ServiceCrashed");
    assert.deepEqual(crashes.at(-1), { type: "ServiceCrashed", service: "low", reason: "defect" });
  });

  it("goes up level by level to the top, which ends when everything has stopped", async () => {
    const tree = await startedTree();
    const restarts: (readonly string[])[] = [];

    // One restart is borne by `low`, one of `low` by `mid`, one of `mid` by `top`: each with a fresh account below.
    for (let crash = 1; crash <= 8; crash += 1) {
      assert.deepEqual(tree.escalations, [], `before crash ${crash}`);
      tree.events.length = 0;
      await tree.crash();
      restarts.push(restartsOf(tree));
    }

    assert.deepEqual(restarts, [["low a"], ["mid low"], ["low a"], ["top mid"], ["low a"], ["mid low"], ["low a"], []]);
    assert.deepEqual(
      tree.escalations.map(({ child, reason }) => [child, describeExit(reason)]),
      [["mid", "too many restarts, the last of low: too many restarts, the last of a: 'broken'"]],
    );
    assert.deepEqual([tree.a.alive, tree.b.alive, tree.side.alive], [0, 0, 0]);
    assert.equal(tree.trace.at(-1), "stop side");
    assert.equal(tree.clock.armedCount, 0);
  });

  it("does not reach the top when the owner shuts down meanwhile", async () => {
    const tree = await startedTree();
    for (let crash = 1; crash <= 7; crash += 1) await tree.crash();
    tree.side.stubborn = true;
    tree.a.exit();
    await tree.clock.settle();

    const closed = tree.top.shutdown(1 * second);
    await tree.clock.advance(1 * second);
    await closed;

    assert.deepEqual(tree.escalations, []);
  });
});

describe("nested supervisors: any script", () => {
  type Step = { readonly do: "exit" | "fail" | "hang" | "unhang" | "kill-mid" | "advance"; readonly which: number };
  const step: fc.Arbitrary<Step> = fc.record({
    do: fc.constantFrom("exit", "exit", "exit", "fail", "hang", "unhang", "kill-mid", "advance", "advance"),
    which: fc.nat({ max: 2 }),
  });

  it("keeps one life a child, and in the end all are up, or the top has ended and none is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), fc.nat({ max: 99 }), async (script, seed) => {
        const tree = new Tree(seed);
        const children = [tree.a, tree.b, tree.side];
        void tree.top.start();
        for (const { do: what, which } of script) {
          const child = children[which] ?? tree.a;
          if (what === "exit") child.exit();
          if (what === "fail" || what === "hang") child.startPlan.push(what);
          if (what === "unhang") child.hanging.shift()?.();
          if (what === "kill-mid") tree.top.kill("mid");
          await tree.clock.advance(what === "advance" ? ([10, 1000, 61_000][which] ?? 0) : 0);
          for (const { name, aliveMax } of children) assert(aliveMax <= 1, `one life of ${name}`);
        }
        for (const child of children) {
          child.startPlan.length = 0;
          for (const unhang of child.hanging.splice(0)) unhang();
        }
        await tree.clock.advance(5 * minute);

        assert(tree.escalations.length <= 1);
        const alive = tree.escalations.length === 1 ? 0 : 1;
        for (const child of children) assert.equal(child.alive, alive, child.name);
        await tree.top.shutdown(10 * second);
        for (const child of children) assert.equal(child.alive, 0, child.name);
      }),
      { numRuns: 100 },
    );
  });
});
