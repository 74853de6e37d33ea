/** What the states of parts may be, one look after the other. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SupervisionRules } from "#chaos/checkers/supervision.ts";
import type { ActorStatus, CellStatus, NodeStatus } from "#runtime/actor-module.ts";
import { second } from "#runtime/units.ts";

type Look = Partial<Pick<CellStatus, "pid" | "restarts" | "state">> & {
  readonly storage?: Partial<Pick<ActorStatus, "incarnation" | "restarts" | "state">>;
};

function status({ storage, ...cell }: Look): NodeStatus {
  const data: CellStatus = { name: "data", pid: 100, state: "running", restarts: 0, residentBytes: 0, ...cell };
  const mailbox = { depth: 0, capacity: 1 };
  const actor: ActorStatus = {
    name: "storage",
    cell: "data",
    state: "running",
    incarnation: 1,
    restarts: 0,
    mailbox,
    ...storage,
  };
  return { cells: [data], servers: [], actors: [actor], unavailable: [], shuttingDown: false };
}

/** What is said of each look, a second after the other, or at its time. */
function said(...looks: readonly (Look & { readonly atMs?: number; readonly epoch?: number })[]): readonly string[] {
  const rules = new SupervisionRules();
  return looks.flatMap(({ atMs, epoch = 0, ...look }, at) => rules.look(atMs ?? at * second, epoch, status(look)));
}

const crashed = (restarts: number, state = "running"): Look => ({
  storage: { incarnation: restarts + 1, restarts, state },
});

describe("chaos checker: supervision", () => {
  it("takes lives that follow on each other, of actors and of processes", () => {
    assert.deepEqual(said({}, crashed(0, "backing-off"), crashed(1), crashed(1), crashed(3)), []);
    assert.deepEqual(said({}, { pid: 0, state: "backing-off" }, { pid: 101, restarts: 1 }), []);
    assert.deepEqual(said({}, { pid: 0, state: "starting", restarts: 1 }, { pid: 101, restarts: 1 }), []);
  });

  it("takes what another keeper says for a beginning", () => {
    assert.deepEqual(said(crashed(4), { pid: 101, restarts: 1, storage: { incarnation: 1, restarts: 0 } }), []);
    assert.deepEqual(said({ ...crashed(4), restarts: 3 }, { epoch: 1, pid: 7 }), []);
  });

  it("takes nothing from an actor whose cell has not said anything of it", () => {
    const unheard = { pid: 101, restarts: 1, storage: { incarnation: 0, restarts: 0, state: "starting" } };

    assert.deepEqual(said(crashed(4), unheard, { ...unheard, storage: { incarnation: 1, restarts: 0 } }), []);
  });

  it("sees restarts that are forgotten, or not counted", () => {
    assert.deepEqual(said(crashed(2), { storage: { incarnation: 3, restarts: 1 } }), [
      "actor storage: its restarts fell from 2 to 1",
      "actor storage: it has begun 0 lives in -1 restarts",
    ]);
    assert.deepEqual(said({}, { storage: { incarnation: 3, restarts: 1 } }), [
      "actor storage: it has begun 2 lives in 1 restarts",
    ]);
    assert.deepEqual(said({}, { pid: 0, state: "starting" }, { pid: 101 }), [
      "cell data: it has another process, and was not restarted",
    ]);
  });

  it("sees what runs without a process", () => {
    assert.deepEqual(said({ pid: 0, state: "starting" }, { pid: 0 }), ["cell data: it runs without a process"]);
  });

  it("sees more restarts than the budget has, in the time that it is for", () => {
    const storm = (count: number, everyMs: number): readonly string[] =>
      said(...Array.from({ length: count + 1 }, (_, at) => ({ ...crashed(at), atMs: at * everyMs })));

    assert.deepEqual(storm(5, 1 * second), []);
    assert.deepEqual(storm(12, 12 * second), []);
    assert.deepEqual(storm(6, 1 * second), ["actor storage: it was restarted 6 times within 6 s"]);
    assert(storm(12, 8 * second).length > 0);
  });

  it("sees a quarantine that does not last, unless somebody has lifted it", () => {
    const lifted = crashed(1, "starting");
    const quarantined = crashed(0, "quarantined");

    assert.deepEqual(said({}, quarantined, { ...lifted, atMs: 59 * second }), [
      "actor storage: its quarantine was over within 59 s",
    ]);
    assert.deepEqual(said({}, quarantined, quarantined, { ...lifted, atMs: 61 * second }), []);
    assert.deepEqual(said({}, quarantined, { ...lifted, epoch: 1 }), []);
  });
});
