/** The supervisor over children that do as they are told. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "#runtime/simulated/random.ts";
import type { MetricDelta } from "#runtime/telemetry/metrics.ts";
import { minute, second } from "#runtime/units.ts";
import { STUCK_GRACE_MS } from "#supervisor/lives.ts";
import { stage } from "#test/supervisor/kit.ts";

const counted = (deltas: readonly MetricDelta[], name: string): readonly (readonly [unknown, number])[] =>
  deltas.filter((delta) => delta.name === name).map((delta) => [delta.labels, delta.value]);

describe("supervisor: start", () => {
  it("starts in order, each after the one before has come up or failed (SUP-1)", async () => {
    const { supervisor, trace, clock, child, states } = stage();
    child("b").startPlan.push("fail", "hang");

    await supervisor.start();

    assert.deepEqual(trace, ["start a", "start b", "start c"]);
    assert.deepEqual(states(), { a: "running", b: "backing-off", c: "running" });
    await clock.advance(1 * second);
    assert.deepEqual(states(), { a: "running", b: "starting", c: "running" });
  });

  it("waits for a rung, whose children start together", async () => {
    const { supervisor, trace, clock, child } = stage({ rungs: [["a", "b"], ["c"]] });
    child("a").startPlan.push("hang");

    void supervisor.start();
    await clock.settle();

    assert.deepEqual(trace, ["start a", "start b"]);
  });
});

describe("supervisor: restart", () => {
  it("announces the crash and the restart, and counts both with one bounded reason (SUP-3)", async () => {
    const { supervisor, clock, child, events, metrics } = stage();
    await supervisor.start();

    child("b").exit({ kind: "crashed", defect: "a sentence that nobody could bound" });
    await clock.advance(100);

    assert.deepEqual(events(), [
      { type: "ServiceCrashed", service: "b", reason: "defect" },
      { type: "childRestarted", supervisor: "test", child: "b", life: 2, restarts: 1, reason: "defect" },
    ]);
    const deltas = metrics.takeDeltas();
    assert.deepEqual(counted(deltas, "service_restarts_total"), [[{ service: "b" }, 1]]);
    assert.deepEqual(counted(deltas, "rejected_total"), [[{ reason: "defect" }, 1]]);
  });

  it("waits as before its first crash where a life was stable, and not shorter (SUP-4)", async () => {
    const pausesMs: number[] = [];
    const longest = { ...seededRandom(1), below: (exclusiveMax: number) => exclusiveMax - 1 };
    const { supervisor, clock, child } = stage({ random: longest });
    await supervisor.start();

    for (const lastedMs of [0, 0, 30_000, 0, 29_999, 30_000]) {
      await clock.advance(lastedMs);
      const { started } = child("a");
      child("a").exit();
      let pauseMs = 0;
      for (await clock.settle(); child("a").started === started; pauseMs += 1) await clock.advance(1);
      pausesMs.push(pauseMs);
    }

    assert.deepEqual(pausesMs, [100, 200, 100, 200, 400, 100]);
  });

  it("leaves the siblings alone (one-for-one)", async () => {
    const { supervisor, trace, clock, child } = stage();
    await supervisor.start();
    trace.length = 0;

    child("a").exit();
    await clock.advance(100);

    assert.deepEqual(trace, ["exit a", "start a"]);
  });

  it("stops what started later, in reverse, and starts it again in order (rest-for-one)", async () => {
    const { supervisor, trace, clock, child } = stage({
      strategy: "rest-for-one",
      rungs: [["a"], ["b"], ["c"], ["d"]],
    });
    await supervisor.start();
    trace.length = 0;

    child("b").exit();
    await clock.advance(100);

    assert.deepEqual(trace, ["exit b", "stop d", "stop c", "start b", "start c", "start d"]);
  });

  it("stops everyone and starts everyone in order (one-for-all)", async () => {
    const { supervisor, trace, clock, child } = stage({ strategy: "one-for-all" });
    await supervisor.start();
    trace.length = 0;

    child("b").exit();
    await clock.advance(100);

    assert.deepEqual(trace, ["exit b", "stop c", "stop a", "start a", "start b", "start c"]);
  });

  it("brings siblings back without a child that was stopped, or quarantined, while they waited for it", async () => {
    const { supervisor, clock, child, states } = stage({ strategy: "one-for-all", childRestartsMax: 1 });
    await supervisor.start();
    child("b").exit();
    await clock.settle();
    assert.deepEqual(states(), { a: "stopped", b: "backing-off", c: "stopped" });

    supervisor.hold("b");
    await clock.settle();

    assert.deepEqual(states(), { a: "running", b: "stopped", c: "running" });
  });

  it("restarts a transient child after a crash and not after a normal exit", async () => {
    const { supervisor, clock, child, states, events } = stage({ restart: "transient" });
    await supervisor.start();

    child("a").exit({ kind: "normal" });
    child("b").exit();
    await clock.advance(100);

    assert.deepEqual(states(), { a: "stopped", b: "running", c: "running" });
    assert.deepEqual(events()[0], { type: "ServiceCrashed", service: "b", reason: "defect" });
  });

  it("never restarts a temporary child", async () => {
    const { supervisor, clock, child, states } = stage({ restart: "temporary" });
    await supervisor.start();

    child("a").exit();
    await clock.advance(10 * minute);

    assert.deepEqual(states(), { a: "stopped", b: "running", c: "running" });
  });

  it("never restarts what was stopped by command, until it is resumed (SUP-6)", async () => {
    const { supervisor, clock, states } = stage();
    await supervisor.start();

    assert.deepEqual(supervisor.hold("b"), { ok: true, value: undefined });
    await clock.advance(30 * minute);
    assert.deepEqual(states(), { a: "running", b: "stopped", c: "running" });

    supervisor.resume("b");
    await clock.settle();
    assert.deepEqual(states(), { a: "running", b: "running", c: "running" });
  });

  for (const strategy of ["one-for-all", "rest-for-one"] as const) {
    it(`resumes a child, and those that wait for it, in order and when all of these have stopped (${strategy})`, async () => {
      const { supervisor, clock, trace, child } = stage({ strategy });
      await supervisor.start();
      child("b").stubborn = true;
      trace.length = 0;
      child("a").exit();
      await clock.advance(1 * second);

      assert.deepEqual(supervisor.resume("a"), { ok: true, value: undefined });
      await clock.settle();
      assert.deepEqual(trace, ["exit a", "stop c", "stop b"]);
      child("a").startPlan.push("hang");
      child("b").kill();
      await clock.settle();

      assert.deepEqual(trace.slice(3), ["kill b", "start a"]);
      child("a").hanging.shift()?.();
      await clock.settle();
      assert.deepEqual(trace.slice(5), ["start b", "start c"]);
      assert.equal(clock.armedCount, 0);
    });
  }

  it("forgets a resume that waits for its turn when the child is held again", async () => {
    const { supervisor, clock, trace, child, states } = stage({ strategy: "one-for-all" });
    await supervisor.start();
    child("b").stubborn = true;
    child("a").exit();
    await clock.settle();

    supervisor.resume("a");
    supervisor.hold("a");
    trace.length = 0;
    await clock.advance(10 * minute);

    assert.deepEqual(trace, ["kill b", "start b", "start c"]);
    assert.deepEqual(states(), { a: "stopped", b: "running", c: "running" });
  });

  it("starts a quarantined child that is resumed when a sibling on its way down has stopped", async () => {
    const { supervisor, clock, trace, child, states } = stage({ strategy: "one-for-all", childRestartsMax: 0 });
    await supervisor.start();
    child("a").exit();
    child("b").exit();
    child("c").stubborn = true;
    await clock.settle();
    assert.deepEqual(states(), { a: "quarantined", b: "quarantined", c: "running" });
    supervisor.hold("c");
    await clock.settle();

    supervisor.resume("a");
    trace.length = 0;
    await clock.advance(5 * second);

    assert.deepEqual(trace, ["kill c", "start a"]);
    assert.deepEqual(states(), { a: "running", b: "quarantined", c: "stopped" });
  });

  it("ignores what a past life still reports (SUP-2)", async () => {
    const { supervisor, clock, child, states } = stage({ rungs: [["a"]] });
    child("a").startPlan.push("hang", "hang");
    void supervisor.start();
    supervisor.hold("a");
    await clock.settle();
    supervisor.resume("a");
    const [first, second] = child("a").hanging;

    first?.();
    await clock.settle();
    assert.equal(states()["a"], "starting");
    second?.();
    await clock.settle();
    assert.equal(states()["a"], "running");
  });

  it("shows why a child went down until it is up again, also while it starts", async () => {
    const { supervisor, clock, child, states } = stage();
    await supervisor.start();
    const why = () => [states()["a"], supervisor.status()[0]?.reason];

    child("a").startPlan.push("hang");
    child("a").exit({ kind: "crashed", defect: "broken" });
    const waiting = why();
    await clock.advance(100);
    const starting = why();
    child("a").hanging.shift()?.();
    await clock.settle();

    assert.deepEqual(waiting, ["backing-off", "defect: 'broken'"]);
    assert.deepEqual(starting, ["starting", "defect: 'broken'"]);
    assert.deepEqual(why(), ["running", undefined]);
  });

  it("shows what a child says of its health, also what it said while starting", async () => {
    const { supervisor, clock, child, states } = stage();
    void supervisor.start();
    child("a").say("degraded", "rebuilding");
    await clock.settle();

    assert.equal(states()["a"], "degraded");
    assert.equal(supervisor.status()[0]?.reason, "rebuilding");
    child("a").say("ready");
    assert.equal(states()["a"], "running");
  });
});

describe("supervisor: budgets", () => {
  it("restarts five times and quarantines at the sixth crash within 60 s (SUP-5)", async () => {
    const { supervisor, clock, child, states, events } = stage();
    await supervisor.start();

    for (let crash = 1; crash <= 5; crash += 1) {
      child("a").exit();
      await clock.advance(4 * second);
      assert.equal(states()["a"], "running", `after crash ${crash}`);
    }
    child("a").exit();

    assert.equal(states()["a"], "quarantined");
    assert.deepEqual(events().at(-1), { type: "childQuarantined", supervisor: "test", child: "a", reason: "defect" });
    assert.deepEqual(
      supervisor.status()[0]?.lastErrors.map((error) => error.message),
      ["'broken'", "'broken'", "'broken'", "'broken'", "'broken'"],
    );
    assert.deepEqual([states()["b"], states()["c"]], ["running", "running"]);
  });

  it("does not quarantine when the sixth comes after the window", async () => {
    const { supervisor, clock, child, states } = stage();
    await supervisor.start();

    for (let crash = 1; crash <= 12; crash += 1) {
      await clock.advance(31 * second);
      child("a").exit();
      await clock.advance(1 * second);
    }

    assert.equal(states()["a"], "running");
  });

  it("escalates when all children together restart too often, after stopping them all (SUP-8)", async () => {
    const { supervisor, clock, child, escalations, states } = stage({ intensityMax: 3 });
    await supervisor.start();

    for (const name of ["a", "b", "c"]) {
      child(name).exit();
      await clock.advance(200);
    }
    assert.equal(escalations.count, 0);
    child("a").exit();
    await clock.settle();

    assert.equal(escalations.count, 1);
    assert.deepEqual(states(), { a: "stopped", b: "stopped", c: "stopped" });
  });

  it("does not count a quarantine towards the intensity", async () => {
    const { supervisor, clock, child, escalations } = stage({ intensityMax: 1, childRestartsMax: 0 });
    await supervisor.start();

    for (const name of ["a", "b", "c"]) child(name).exit();
    await clock.settle();

    assert.equal(escalations.count, 0);
  });
});

describe("supervisor: quarantine (SUP-7)", () => {
  it("tells whoever waits for the child that no life will follow soon, and not while one will", async () => {
    const { supervisor, clock, child } = stage({ childRestartsMax: 1 });
    await supervisor.start();

    child("a").exit();
    await clock.advance(1 * second);
    assert.equal(child("a").refusedCount, 0);
    child("a").exit();
    assert.equal(child("a").refusedCount, 1);
  });

  it("ends by command in a life that counts as a restart; one after a stop by command does not (SUP-3, SUP-6)", async () => {
    const { supervisor, clock, child } = stage({ childRestartsMax: 1 });
    const restarts = (): readonly number[] => supervisor.status().map((status) => status.restarts);
    await supervisor.start();
    for (let crash = 0; crash < 2; crash += 1) {
      child("a").exit();
      await clock.advance(1 * second);
    }
    supervisor.hold("b");
    await clock.settle();

    assert.deepEqual(restarts(), [1, 0, 0]);
    supervisor.resume("a");
    supervisor.resume("b");
    await clock.settle();
    assert.deepEqual(restarts(), [2, 0, 0]);
  });

  it("ends by command, with a fresh budget", async () => {
    const { supervisor, clock, child, states } = stage({ childRestartsMax: 1 });
    await supervisor.start();
    child("a").exit();
    await clock.advance(1 * second);
    child("a").exit();
    assert.equal(states()["a"], "quarantined");

    assert.deepEqual(supervisor.resume("a"), { ok: true, value: undefined });
    await clock.settle();
    assert.equal(states()["a"], "running");

    child("a").exit();
    await clock.advance(1 * second);
    assert.equal(states()["a"], "running");
  });

  it("is probed with one start after 60 s, then after 120 s", async () => {
    const { supervisor, clock, child, states } = stage({ childRestartsMax: 0 });
    await supervisor.start();
    child("a").startPlan.push("fail", "up");
    child("a").exit();

    await clock.advance(1 * minute - 1);
    assert.equal(child("a").started, 1);
    await clock.advance(1);
    assert.deepEqual([child("a").started, states()["a"]], [2, "quarantined"]);
    await clock.advance(2 * minute - 1);
    assert.equal(child("a").started, 2);
    await clock.advance(1);
    assert.deepEqual([child("a").started, states()["a"]], [3, "running"]);
  });

  it("returns at once when a probed child crashes before it is stable, and has a budget again afterwards", async () => {
    const { supervisor, clock, child, states } = stage({ childRestartsMax: 2 });
    await supervisor.start();
    for (let crash = 0; crash < 3; crash += 1) {
      child("a").exit();
      await clock.advance(1 * second);
    }
    await clock.advance(1 * minute);
    assert.equal(states()["a"], "running");

    child("a").exit();
    assert.equal(states()["a"], "quarantined");
    await clock.advance(1 * minute + 30 * second);
    child("a").exit();
    assert.equal(states()["a"], "backing-off");
  });

  it("refuses to resume what runs, and what is not there, by code", async () => {
    const { supervisor } = stage();
    await supervisor.start();

    const up = { ok: false, failure: { code: "supervisor.not-resumable", child: "a", state: "running" } };
    assert.deepEqual(supervisor.resume("a"), up);
    const missing = { ok: false, failure: { code: "supervisor.no-such-child", child: "z" } };
    assert.deepEqual([supervisor.resume("z"), supervisor.kill("z"), supervisor.hold("z")], [missing, missing, missing]);
  });
});

describe("supervisor: shutdown (SUP-9)", () => {
  it("stops in reverse, and starts nothing afterwards", async () => {
    const { supervisor, clock, trace, child } = stage();
    await supervisor.start();
    child("b").exit();
    trace.length = 0;

    await supervisor.shutdown(10 * second);
    await clock.advance(30 * minute);

    // What the crashed life of `b` still has open is waited for in its turn.
    assert.deepEqual(trace, ["stop c", "stop b", "stop a"]);
    assert.equal(clock.armedCount, 0);
  });

  it("kills a child that overruns its own deadline", async () => {
    const { supervisor, clock, trace, child } = stage();
    await supervisor.start();
    child("b").stubborn = true;
    trace.length = 0;
    const closed = supervisor.shutdown(60 * second);

    await clock.advance(5 * second - 1);
    assert.deepEqual(trace, ["stop c", "stop b"]);
    await clock.advance(1);
    await closed;

    assert.deepEqual(trace, ["stop c", "stop b", "kill b", "stop a"]);
  });

  it("keeps one overall deadline over all children", async () => {
    const { supervisor, clock, trace, child } = stage();
    await supervisor.start();
    for (const name of ["a", "b", "c"]) child(name).stubborn = true;
    trace.length = 0;
    const closed = supervisor.shutdown(6 * second);

    await clock.advance(6 * second);
    await closed;

    assert.deepEqual(trace, ["stop c", "kill c", "stop b", "kill b", "kill a", "stop a"]);
  });

  it("reports a child that survives its kill, and goes on without it", async () => {
    const { supervisor, clock, child, stuck, trace } = stage();
    await supervisor.start();
    child("c").stubborn = true;
    child("c").immortal = true;
    const closed = supervisor.shutdown(10 * second);

    await clock.advance(6 * second);
    await closed;

    assert.deepEqual(stuck, ["c"]);
    assert.deepEqual(trace.slice(-2), ["stop b", "stop a"]);
  });

  it("shortens a stop that was already under way", async () => {
    const { supervisor, clock, child, trace } = stage();
    await supervisor.start();
    child("c").stubborn = true;
    supervisor.hold("c");
    await clock.advance(1 * second);

    const closed = supervisor.shutdown(1 * second);
    await clock.advance(1 * second);
    await closed;

    assert.deepEqual(trace.slice(-6), ["stop c", "kill c", "kill b", "stop b", "kill a", "stop a"]);
    assert.equal(clock.armedCount, 0);
  });

  it("kills all that is left when the time is over, and has one grace for all of it", async () => {
    const { supervisor, clock, trace, child, stuck } = stage({ rungs: [["a"], ["b"], ["c"], ["d"], ["e"]] });
    await supervisor.start();
    for (const name of ["b", "d", "e"]) {
      child(name).stubborn = true;
      child(name).immortal = true;
    }
    trace.length = 0;
    let isClosed = false;
    void supervisor.shutdown(7 * second).then(() => {
      isClosed = true;
    });

    // The own time of `e` and the grace after it are over by then, and it is the turn of `d`.
    await clock.advance(7 * second);
    const killed = ["kill d", "kill c", "stop c", "kill b", "stop b", "kill a", "stop a"];
    assert.deepEqual(trace, ["stop e", "kill e", "stop d", ...killed]);
    await clock.advance(STUCK_GRACE_MS - 1);
    assert.deepEqual([isClosed, stuck], [false, ["e"]]);
    await clock.advance(1);

    assert.deepEqual([isClosed, stuck], [true, ["e", "d", "b"]]);
    assert.equal(clock.armedCount, 0);
  });

  it("does not lengthen a stop that was already under way, nor the grace after it", async () => {
    const { supervisor, clock, child, stuck } = stage();
    await supervisor.start();
    child("c").stubborn = true;
    child("c").immortal = true;
    supervisor.hold("c");

    await clock.advance(4 * second);
    void supervisor.shutdown(60 * second);
    await clock.advance(1 * second + STUCK_GRACE_MS / 2);
    const closed = supervisor.shutdown(60 * second);
    await clock.advance(STUCK_GRACE_MS / 2);
    await closed;

    assert.deepEqual(stuck, ["c"]);
  });

  it("leaves what has no time left for its own stop in the order of the others", async () => {
    const { supervisor, clock, trace, child } = stage();
    await supervisor.start();
    child("c").stubborn = true;
    trace.length = 0;

    const closed = supervisor.shutdown(5 * second + 1);
    await clock.advance(5 * second + 1);
    await closed;

    assert.deepEqual(trace, ["stop c", "kill c", "stop b", "stop a"]);
    assert.equal(clock.armedCount, 0);
  });
});
