/** What `/readyz` may say, by the states of the actors (GW-32). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Fullness, problemOfReadiness, type ReadinessSaid, readReadiness } from "#chaos/checkers/readiness.ts";
import type { ActorStatus } from "#runtime/actor-module.ts";

type State = "running" | "degraded" | "backing-off" | "quarantined";

const actorsWith = (states: Readonly<Record<string, State>>): readonly ActorStatus[] =>
  ["storage", "index", "overlay", "telemetry"].map((name) => ({
    name,
    cell: "data",
    state: states[name] ?? "running",
    incarnation: 1,
    restarts: 0,
    mailbox: { depth: 0, capacity: 1 },
  }));
const open = (about: string): ReadinessSaid => ({ status: 200, ready: true, for: about, reasons: [] });
const closed = (about: string): ReadinessSaid => ({ status: 503, ready: false, for: about, reasons: ["why"] });

function problem(
  states: Readonly<Record<string, State>>,
  reads = open("reads"),
  writes = open("writes"),
  full: Fullness = "maybe",
) {
  return problemOfReadiness({ actors: actorsWith(states), shuttingDown: false }, reads, writes, full);
}

describe("chaos checker: readiness", () => {
  it("takes both open while all runs, and writes closed where there may be no room", () => {
    assert.equal(problem({}), undefined);
    assert.equal(problem({}, open("reads"), closed("writes")), undefined);
    assert.equal(problem({ telemetry: "quarantined" }), undefined);
  });

  it("wants writes closed and reads open while one is degraded", () => {
    assert.equal(problem({ index: "degraded" }, open("reads"), closed("writes")), undefined);
    assert.equal(problem({ index: "degraded" }), "writes are open, and index is degraded");
    assert.equal(
      problem({ index: "degraded" }, closed("reads"), closed("writes")),
      "reads are closed (why), and nothing is down",
    );
  });

  it("wants both closed while one is down", () => {
    for (const state of ["backing-off", "quarantined"] as const) {
      assert.equal(problem({ storage: state }, closed("reads"), closed("writes")), undefined);
      assert.equal(
        problem({ storage: state }, open("reads"), closed("writes")),
        `reads are open, and storage is ${state}`,
      );
    }
  });

  it("wants writes closed where there is no room, and open where there is", () => {
    const full = "writes are open, and there was no room for the last one";
    assert.equal(problem({}, open("reads"), open("writes"), "yes"), full);
    assert.equal(problem({}, open("reads"), closed("writes"), "yes"), undefined);
    assert.equal(problem({}, open("reads"), closed("writes"), "no"), "writes are closed (why), and nothing is wrong");
    assert.equal(problem({ index: "degraded" }, open("reads"), closed("writes"), "no"), undefined);
  });

  it("wants an answer that agrees with itself", () => {
    assert.match(problem({}, { ...open("reads"), status: 503 }) ?? "", /says ready with status 503/);
    assert.match(problem({}, open("writes")) ?? "", /asked of reads, it speaks of writes/);
    assert.match(problem({}, open("reads"), { ...closed("writes"), reasons: [] }) ?? "", /does not say why/);
  });

  it("says nothing of a node that stops, and of an answer that is none", () => {
    assert.equal(readReadiness(503, Buffer.from(`{"code":"gateway.unavailable"}`)), undefined);
    const stopping = { actors: actorsWith({ storage: "backing-off" }), shuttingDown: true };

    assert.equal(problemOfReadiness(stopping, closed("reads"), closed("writes"), "no"), undefined);
    assert.equal(readReadiness(503, Buffer.from("upstream is gone")), undefined);
  });
});
