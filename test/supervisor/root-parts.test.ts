/** The small parts of the root and of a cell: status, readiness, configuration, metrics. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ActorStatus, NodeStatus } from "#runtime/actor-module.ts";
import { type ConfigSchema, durationMs } from "#runtime/config/schema.ts";
import { configSnapshot } from "#runtime/config/snapshot.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import type { MetricDelta } from "#runtime/telemetry/metrics.ts";
import type { ErasedModule } from "#supervisor/catalogue.ts";
import { DELTAS_MAX, MetricPush } from "#supervisor/cell/metric-push.ts";
import { Sections } from "#supervisor/cell/sections.ts";
import { CHILD_STATES, type ChildState } from "#supervisor/child-chart.ts";
import { CONFIG_OFFER_MS, ConfigRollout, type ConfigTaker } from "#supervisor/root/config-rollout.ts";
import { NodeHealth, readinessOf } from "#supervisor/root/node-health.ts";
import { nodeStatus } from "#supervisor/root/node-status.ts";
import { plainLog } from "#supervisor/root/plain-log.ts";
import { tree } from "#supervisor/tree.ts";
import { parseOrder, parseReport } from "#supervisor/wire.ts";
import { fixtureTree, optionalTree } from "#test/supervisor/fixture/tree.ts";

const [data, ops] = tree.cells;
assert(data !== undefined && ops !== undefined);

const up = (cell: typeof data, state: (name: string) => string = () => "running"): readonly ActorStatus[] =>
  cell.workers.map(({ name }) => ({
    name,
    cell: cell.name,
    state: state(name),
    incarnation: 1,
    restarts: 0,
    mailbox: { depth: 0, capacity: 1 },
  }));

const view = (spec: typeof data, state: ChildState, actors: readonly ActorStatus[], reason?: string) => ({
  spec,
  child: { name: spec.name, state, lives: 1, restarts: 0, reason, lastErrors: [] },
  pid: 1,
  residentBytes: 2,
  actors,
});

const readiness = (status: NodeStatus) => readinessOf(status, new ManualClock());

describe("node status: readiness", () => {
  it("is there when every actor runs, and says who does not", () => {
    const all = nodeStatus([view(data, "running", up(data)), view(ops, "running", up(ops))], [], false);
    const rebuilding = up(data, (name) => (name === "index" ? "degraded" : "running"));
    const degraded = nodeStatus([view(data, "running", rebuilding), view(ops, "running", up(ops))], [], false);

    assert.deepEqual(readiness(all), { ready: true, reasons: [] });
    assert.deepEqual(readiness(degraded), { ready: false, reasons: ["index is degraded"] });
    assert.equal(readiness({ ...all, shuttingDown: true }).ready, false);
  });

  it("does not wait for an optional cell that failed, and declares its actors unavailable", () => {
    for (const state of CHILD_STATES) {
      // A supervisor gives a reason in these states, when there was a crash.
      const isGivenUp = ["backing-off", "starting", "quarantined", "probing"].includes(state);
      const reason = isGivenUp ? "no memory" : undefined;
      const status = nodeStatus([view(data, "running", up(data)), view(ops, state, [], reason)], [], false);

      assert.deepEqual(status.unavailable, isGivenUp ? [{ actor: "telemetry", reason: "no memory" }] : [], state);
      assert.equal(readiness(status).ready, isGivenUp, state);
    }
  });

  it("waits for the first start of an optional cell, and for that of its actors", () => {
    const cellStarts = nodeStatus([view(data, "running", up(data)), view(ops, "starting", [])], [], false);
    const actorStarts = nodeStatus([view(data, "running", up(data)), view(ops, "running", [])], [], false);

    for (const status of [cellStarts, actorStarts]) {
      assert.deepEqual(status.unavailable, []);
      assert.deepEqual(readiness(status), { ready: false, reasons: ["telemetry is down: starting"] });
    }
  });

  it("always waits for a required cell", () => {
    for (const state of CHILD_STATES) {
      const status = nodeStatus([view(data, state, []), view(ops, "running", up(ops))], [], false);

      assert.equal(readiness(status).reasons.length, 4, state);
      assert.deepEqual(status.unavailable, []);
    }
  });
});

describe("node health: what is announced (SUP-22)", () => {
  const said = (service: string, ok: boolean) => ({ type: "Health" as const, service, ok });
  const nodeOf = (dataPid: number) => {
    const cellOf = (spec: typeof data, pid: number) => ({ ...view(spec, "running", up(spec)), pid });
    return nodeStatus([cellOf(data, dataPid), cellOf(ops, 8)], [], false);
  };

  it("is every change once, and the end of all actors of a cell without a process, also of those that were well", () => {
    const announced: string[] = [];
    const health = new NodeHealth(new ManualClock(), (cell, { service, ok }) =>
      announced.push(`${cell}/${service} ${ok}`),
    );
    health.look(nodeOf(0));
    health.heard("data", said("storage", true));
    health.heard("data", said("storage", true));
    health.heard("data", said("index", true));
    health.heard("data", said("index", false));
    health.heard("ops", said("telemetry", true));
    health.look(nodeOf(7));
    assert.deepEqual(announced.splice(0), [
      "data/storage true",
      "data/index true",
      "data/index false",
      "ops/telemetry true",
    ]);

    health.look(nodeOf(0));
    health.look(nodeOf(0));
    assert.deepEqual(announced.splice(0), ["data/storage false"]);

    health.look(nodeOf(9));
    health.heard("data", said("storage", true));
    assert.deepEqual(announced, ["data/storage true"]);
  });
});

describe("config rollout: offer (SUP-12)", () => {
  const taker = (name: string, problem: string | undefined, log: string[]): ConfigTaker => ({
    name,
    offer: async (config, withinMs) => {
      log.push(`${name} offered ${config.version} for ${withinMs}`);
      return problem;
    },
    commit: ({ version }) => void log.push(`${name} commits ${version}`),
  });

  it("commits everywhere when all accept", async () => {
    const log: string[] = [];
    const rollout = new ConfigRollout({}, [taker("a", undefined, log), taker("b", undefined, log)], fixtureTree);

    const offered = await rollout.offer({ alpha: { y: 1 } });

    assert.deepEqual(offered, { ok: true, value: undefined });
    assert.deepEqual(log, [
      `a offered 2 for ${CONFIG_OFFER_MS}`,
      `b offered 2 for ${CONFIG_OFFER_MS}`,
      "a commits 2",
      "b commits 2",
    ]);
    assert.deepEqual(rollout.current, { version: 2, raw: { alpha: { y: 1 } } });
  });

  it("commits nowhere when one refuses, and names it", async () => {
    const log: string[] = [];
    const rollout = new ConfigRollout({}, [taker("a", undefined, log), taker("b", "too big", log)], fixtureTree);

    const offered = await rollout.offer({ alpha: {} });

    const failure = { code: "supervisor.config-refused", by: "b", problem: "too big" };
    assert.deepEqual(offered, { ok: false, failure });
    assert.deepEqual([log.length, rollout.current.version], [2, 1]);
  });

  it("offers nothing with a section that nobody reads", async () => {
    const log: string[] = [];
    const rollout = new ConfigRollout({}, [taker("a", undefined, log)], fixtureTree);

    const offered = await rollout.offer({ allpha: {} });

    assert(!offered.ok);
    assert.deepEqual([offered.failure.by, log], ["root", []]);
    assert.match(offered.failure.problem, /allpha.*alpha/);
  });

  for (const [what, before, after] of [
    ["[node]", {}, { node: { amnesia: true } }],
    ["[postgres]", { postgres: { url: "postgres://a" } }, { postgres: { url: "postgres://b" } }],
    ["[redis]", { redis: { port: 1 } }, {}],
    ["beta.enabled", { beta: { enabled: true } }, { beta: {} }],
    ["beta.enabled", {}, { beta: { enabled: true } }],
  ] as const) {
    it(`refuses to change ${what} of a running node`, async () => {
      const log: string[] = [];
      const rollout = new ConfigRollout(before, [taker("a", undefined, log)], optionalTree);

      assert.deepEqual(await rollout.offer(before), { ok: true, value: undefined });
      const offered = await rollout.offer(after);

      const problem = `${what} counts when the node starts: restart it`;
      assert.deepEqual(offered, { ok: false, failure: { code: "supervisor.config-refused", by: "root", problem } });
    });
  }
});

describe("sections: offer and commit", () => {
  interface Config {
    readonly waitMs: number;
  }
  const configSchema: ConfigSchema<Config> = { waitMs: durationMs({ default: 5, min: 0, max: 10 }) };
  const checkConfig = ({ waitMs }: Config) => (waitMs === 7 ? "a.waitMs is not 7" : undefined);
  const modules = new Map([["a", { configSchema, checkConfig } as unknown as ErasedModule]]);
  const snapshot = (version: number, waitMs: number) => configSnapshot(version, { a: { waitMs } });

  it("puts nothing in force before its commit, and only the offer with that version", () => {
    const sections = new Sections(modules, {}, { amnesia: false });
    sections.offer(configSnapshot(1, {}));
    sections.commit(1);
    const config = sections.view("a");

    assert.equal(sections.offer(snapshot(2, 6)), undefined);
    assert.deepEqual(config.current, { waitMs: 5 });
    sections.commit(3);
    assert.deepEqual(config.current, { waitMs: 5 });
    sections.commit(2);
    assert.deepEqual(config.current, { waitMs: 6 });
  });

  it("forgets an offer when the next one is refused, though it has the same version", () => {
    const sections = new Sections(modules, {}, { amnesia: false });
    sections.offer(configSnapshot(1, {}));
    sections.commit(1);
    sections.offer(snapshot(2, 6));

    sections.offer(snapshot(2, 7));
    sections.commit(2);

    assert.deepEqual(sections.view("a").current, { waitMs: 5 });
  });

  it("says what is wrong, from bounds and from relations", () => {
    const sections = new Sections(modules, {}, { amnesia: false });

    assert.equal(sections.offer(snapshot(1, 11)), "a.waitMs is 11, allowed are 0 to 10");
    assert.equal(sections.offer(snapshot(1, 7)), "a.waitMs is not 7");
  });

  it("says all that is wrong, in every section", () => {
    const section = { configSchema, checkConfig } as unknown as ErasedModule;
    const sections = new Sections(new Map([...modules, ["b", section], ["c", section]]), {}, { amnesia: false });

    const said = sections.offer(configSnapshot(1, { a: { waitMs: 11 }, b: { waitMs: 7 }, c: { waitMs: -1 } }));

    assert.equal(said, "a.waitMs is 11, allowed are 0 to 10; a.waitMs is not 7; c.waitMs is -1, allowed are 0 to 10");
  });
});

describe("metric push: push", () => {
  const delta = (value: number): MetricDelta => ({ kind: "counter", name: "n", help: "", labels: {}, value });

  it("keeps what was not taken, and takes nothing more meanwhile (TEL-8)", () => {
    let value = 0;
    const outcomes: ("rejected" | "accepted")[] = ["rejected", "accepted", "accepted"];
    const sent: number[][] = [];
    const push = new MetricPush(
      "data",
      () => {
        value += 1;
        return [delta(value)];
      },
      (_cell, deltas) => {
        sent.push(deltas.map((one) => one.value));
        return outcomes.shift() ?? "stopped";
      },
    );

    push.push();
    push.push();
    push.push();

    assert.deepEqual(sent, [[1], [1], [2]]);
  });

  it("sends at most DELTAS_MAX at a time", () => {
    const sizes: number[] = [];
    const many = Array.from({ length: DELTAS_MAX + 1 }, (_, index) => delta(index));
    const push = new MetricPush(
      "data",
      () => many,
      (_cell, deltas) => (sizes.push(deltas.length) > 0 ? "accepted" : "stopped"),
    );

    push.push();

    assert.deepEqual(sizes, [DELTAS_MAX, 1]);
  });
});

describe("plain log: a line", () => {
  it("begins with level, time and event, which no field can take", () => {
    const lines: string[] = [];
    const log = plainLog({ write: (line) => lines.push(line) }, new ManualClock(0), { cell: "root" });

    log.with({ child: "data" }).warn("root.something", { event: "no", count: 2n });
    log.debug("not written");

    assert.equal(lines.length, 1);
    const line = JSON.parse(lines[0] ?? "");
    assert.deepEqual(Object.keys(line).slice(0, 3), ["level", "time", "event"]);
    assert.deepEqual(
      [line.level, line.time, line.event, line.cell, line.child],
      ["warn", "1970-01-01T00:00:00.000Z", "root.something", "root", "data"],
    );
  });
});

describe("wire: parsing", () => {
  it("drops what has no known kind", () => {
    for (const message of [undefined, null, 7, "begin", [], {}, { kind: "begun" }, { kind: 1 }]) {
      assert.deepEqual([parseOrder(message), parseReport(message)], [undefined, undefined]);
    }
    assert.deepEqual(parseOrder({ kind: "leave" }), { kind: "leave" });
    assert.deepEqual(parseReport({ kind: "drained" }), { kind: "drained" });
  });
});
