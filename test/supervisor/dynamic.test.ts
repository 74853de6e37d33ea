/** Children that come and go under a supervisor. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fail, ok } from "#runtime/errors.ts";
import { minute, second } from "#runtime/units.ts";
import type { ChildSpec } from "#supervisor/child.ts";
import type { RestartType } from "#supervisor/child-spec.ts";
import { DYNAMIC_CHILDREN_MAX } from "#supervisor/roster.ts";
import type { Strategy } from "#supervisor/strategy.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { FakeChild, type Stage, stage } from "#test/supervisor/kit.ts";

const budget = { restartsMax: 2, periodMs: 1 * minute };
const specOf = (name: string, restart: RestartType): ChildSpec => ({ name, restart, budget, shutdownMs: 5 * second });

function add(on: Stage<"one-for-one">, name: string, restart: RestartType = "temporary"): FakeChild {
  const child = new FakeChild(name, on.trace);
  assert.deepEqual(on.supervisor.add(specOf(name, restart), child), ok());
  return child;
}

describe("supervisor: add", () => {
  it("is possible under one-for-one only, which the compiler says", () => {
    type MayAdd<S extends Strategy> = Supervisor<S> extends ThisParameterType<Supervisor<S>["add"]> ? true : false;
    const may: [MayAdd<"one-for-one">, MayAdd<"one-for-all">, MayAdd<"rest-for-one">, MayAdd<Strategy>] = [
      true,
      false,
      false,
      false,
    ];

    assert.equal(may.length, 4);
  });

  it("starts the child at once where the supervisor is up, and after all others where it is not", async () => {
    const on = stage({ rungs: [["a"], ["b"]] });
    on.child("b").startPlan.push("hang");
    add(on, "early");
    void on.supervisor.start();
    add(on, "during");
    await on.clock.settle();
    assert.deepEqual(on.trace, ["start a", "start b"]);

    on.child("b").hanging.shift()?.();
    await on.clock.settle();
    add(on, "late");
    await on.clock.settle();

    assert.deepEqual(on.trace.slice(2), ["start early", "start during", "start late"]);
    assert.deepEqual(on.states(), { a: "running", b: "running", early: "running", during: "running", late: "running" });
  });

  it("does not wait for a child that is slow to start, or slow to stop", async () => {
    const on = stage({ rungs: [] });
    await on.supervisor.start();
    const slow = add(on, "slow");
    slow.stubborn = true;
    await on.clock.settle();
    void on.supervisor.remove("slow");
    const hanging = new FakeChild("hanging", on.trace);
    hanging.startPlan.push("hang");
    on.supervisor.add(specOf("hanging", "permanent"), hanging);

    add(on, "quick");
    await on.clock.settle();

    assert.deepEqual(on.states(), { slow: "stopping", hanging: "starting", quick: "running" });
  });

  it("refuses a name that is taken, also by one that is still stopping, and takes it again afterwards", async () => {
    const on = stage({ rungs: [["a"]] });
    await on.supervisor.start();
    const refused = (name: string) =>
      assert.deepEqual(
        on.supervisor.add(specOf(name, "temporary"), new FakeChild(name, on.trace)),
        fail({ code: "supervisor.child-exists", child: name }),
      );
    const child = add(on, "x");
    child.stubborn = true;
    await on.clock.settle();

    refused("a");
    refused("x");
    const removed = on.supervisor.remove("x");
    await on.clock.settle();
    refused("x");
    await on.clock.advance(5 * second);
    assert.deepEqual(await removed, ok());
    add(on, "x");
  });

  it("takes DYNAMIC_CHILDREN_MAX children and refuses one more", async () => {
    const on = stage({ rungs: [["a"]] });
    for (let count = 0; count < DYNAMIC_CHILDREN_MAX; count += 1) add(on, `x${count}`);

    const one = on.supervisor.add(specOf("more", "temporary"), new FakeChild("more", on.trace));

    assert.deepEqual(one, fail({ code: "supervisor.children-full", childrenMax: DYNAMIC_CHILDREN_MAX }));
    await on.supervisor.remove("x0");
    add(on, "more");
  });

  it("refuses once the way down has begun, and after an escalation", async () => {
    const closing = fail({ code: "supervisor.closing", supervisor: "test" });
    const on = stage({ rungs: [] });
    await on.supervisor.start();
    await on.supervisor.shutdown(1 * second);
    assert.deepEqual(on.supervisor.add(specOf("x", "temporary"), new FakeChild("x", on.trace)), closing);

    const escalated = stage({ intensityMax: 0 });
    await escalated.supervisor.start();
    escalated.child("a").exit();
    assert.deepEqual(escalated.supervisor.add(specOf("x", "temporary"), new FakeChild("x", on.trace)), closing);
  });
});

describe("supervisor: the end of a dynamic child", () => {
  it("is forgotten at any end where it is temporary, at a normal one where it is transient (SUP-29)", async () => {
    const on = stage({ rungs: [] });
    await on.supervisor.start();
    const children = {
      crashed: add(on, "crashed", "temporary"),
      done: add(on, "done", "transient"),
      tried: add(on, "tried", "transient"),
      kept: add(on, "kept", "permanent"),
    };
    await on.clock.settle();

    children.crashed.exit();
    children.done.exit({ kind: "normal" });
    children.tried.exit();
    children.kept.exit({ kind: "normal" });
    await on.clock.advance(1 * second);

    assert.deepEqual(on.states(), { tried: "running", kept: "running" });
  });

  it("forgets a temporary child that did not start, after saying why", async () => {
    const on = stage({ rungs: [] });
    await on.supervisor.start();
    const child = new FakeChild("x", on.trace);
    child.startPlan.push("fail");

    on.supervisor.add(specOf("x", "temporary"), child);
    await on.clock.settle();

    assert.deepEqual(on.states(), {});
    assert.deepEqual(on.events(), [{ type: "ServiceCrashed", service: "x", reason: "start-failed" }]);
  });

  it("quarantines a permanent one past its budget, and lets it be removed", async () => {
    const on = stage({ rungs: [] });
    await on.supervisor.start();
    const child = add(on, "x", "permanent");
    await on.clock.settle();
    for (let crash = 0; crash < 3; crash += 1) {
      child.exit();
      await on.clock.advance(1 * second);
    }
    assert.deepEqual(on.states(), { x: "quarantined" });

    assert.deepEqual(await on.supervisor.remove("x"), ok());
    assert.deepEqual(on.states(), {});
    assert.equal(on.clock.armedCount, 0);
  });

  it("counts restarts under the supervisor's name, because names of dynamic children are not bounded", async () => {
    const on = stage({ rungs: [] });
    await on.supervisor.start();
    const child = add(on, "x", "permanent");
    await on.clock.settle();
    child.exit();
    await on.clock.advance(1 * second);

    const restarts = on.metrics.takeDeltas().filter(({ name }) => name === "service_restarts_total");
    assert.deepEqual(
      restarts.map(({ labels, value }) => [labels, value]),
      [[{ service: "test" }, 1]],
    );
  });

  it("hears nothing any more of a child that was forgotten, whose name another has", async () => {
    const on = stage({ rungs: [] });
    await on.supervisor.start();
    const first = add(on, "x");
    await on.supervisor.remove("x");
    const second = add(on, "x");
    await on.clock.settle();

    first.alive = 1;
    first.exit();
    first.say("degraded", "late");
    await on.clock.settle();

    assert.deepEqual(on.states(), { x: "running" });
    assert.equal(second.alive, 1);
  });

  it("does not move the children of the spec", async () => {
    const on = stage();
    await on.supervisor.start();
    const child = add(on, "x", "permanent");
    await on.clock.settle();
    on.trace.length = 0;

    child.exit();
    await on.clock.advance(1 * second);

    assert.deepEqual(on.trace, ["exit x", "start x"]);
  });
});

describe("supervisor: remove", () => {
  it("settles when nothing is left, for everybody who asked", async () => {
    const on = stage({ rungs: [] });
    await on.supervisor.start();
    const child = add(on, "x", "permanent");
    child.stubborn = true;
    await on.clock.settle();
    let settledCount = 0;
    const count = (): void => {
      settledCount += 1;
    };
    void on.supervisor.remove("x").then(count);
    void on.supervisor.remove("x").then(count);

    await on.clock.advance(5 * second - 1);
    assert.equal(settledCount, 0);
    await on.clock.advance(1);

    assert.equal(settledCount, 2);
    assert.deepEqual(on.trace, ["start x", "stop x", "kill x"]);
  });

  it("works on one that waits for its restart, or for its first start", async () => {
    const on = stage({ rungs: [["a"]] });
    on.child("a").startPlan.push("hang");
    void on.supervisor.start();
    add(on, "unborn");
    assert.deepEqual(await on.supervisor.remove("unborn"), ok());
    on.child("a").hanging.shift()?.();
    await on.clock.settle();
    const child = add(on, "x", "permanent");
    await on.clock.settle();
    child.exit();

    assert.deepEqual(await on.supervisor.remove("x"), ok());
    await on.clock.advance(10 * minute);

    assert.deepEqual([on.states(), child.started], [{ a: "running" }, 1]);
  });

  it("refuses a child of the spec, and one that is not there", async () => {
    const on = stage();
    await on.supervisor.start();

    assert.deepEqual(await on.supervisor.remove("a"), fail({ code: "supervisor.not-removable", child: "a" }));
    assert.deepEqual(await on.supervisor.remove("z"), fail({ code: "supervisor.no-such-child", child: "z" }));
  });

  it("leaves a held child where it is, until it is resumed or removed", async () => {
    const on = stage({ rungs: [] });
    await on.supervisor.start();
    add(on, "x");
    await on.clock.settle();

    on.supervisor.hold("x");
    await on.clock.settle();
    assert.deepEqual(on.states(), { x: "stopped" });
    on.supervisor.resume("x");
    await on.clock.settle();
    assert.deepEqual(on.states(), { x: "running" });
  });
});

describe("supervisor: shutdown with dynamic children", () => {
  it("stops them before all others, within the same deadline", async () => {
    const on = stage({ rungs: [["a"], ["b"]] });
    await on.supervisor.start();
    add(on, "x").stubborn = true;
    add(on, "y", "permanent");
    await on.clock.settle();
    on.trace.length = 0;

    const closed = on.supervisor.shutdown(2 * second);
    await on.clock.advance(2 * second);
    await closed;

    assert.deepEqual(on.trace, ["stop x", "stop y", "kill x", "kill b", "stop b", "kill a", "stop a"]);
    assert.equal(on.clock.armedCount, 0);
  });
});
