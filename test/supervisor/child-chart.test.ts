/** The table that runs against the chart that is drawn. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CHILD_EFFECTS, CHILD_EVENTS, CHILD_STATES, childTable, isAlive, stepChart } from "#supervisor/child-chart.ts";

describe("child chart: the table", () => {
  it("says of every event in every state what the chart says", () => {
    for (const state of CHILD_STATES) {
      for (const event of CHILD_EVENTS) {
        assert.deepEqual(childTable[state][event], stepChart(state, event), `${event} in ${state}`);
      }
    }
  });

  it("names every state and every effect of the chart, and reaches all of them", () => {
    const moves = CHILD_STATES.flatMap((state) => CHILD_EVENTS.map((event) => childTable[state][event]));

    assert.deepEqual(new Set(moves.map((move) => move.state)), new Set(CHILD_STATES));
    assert.deepEqual(new Set(moves.flatMap((move) => move.effects)), new Set(CHILD_EFFECTS));
  });
});

describe("child chart: safety (SUP-2)", () => {
  it("begins a life only where none is under way", () => {
    for (const state of CHILD_STATES) {
      for (const event of CHILD_EVENTS) {
        if (childTable[state][event].effects.includes("start-life")) assert.equal(isAlive(state), false, state);
      }
    }
  });

  it("ends a life only through `stop`, and always says so", () => {
    for (const state of CHILD_STATES.filter(isAlive)) {
      for (const event of CHILD_EVENTS) {
        const move = childTable[state][event];
        const told = move.effects.includes("stop-life") || event === "exited" || event === "stopped";
        if (!isAlive(move.state)) assert.equal(told, true, `${state} ${event}`);
      }
    }
  });

  it("ignores what a state does not name", () => {
    assert.deepEqual(childTable.running.due, { state: "running", effects: [] });
    assert.deepEqual(childTable.stopping.exited, { state: "stopping", effects: [] });
    assert.deepEqual(childTable.stopped.started, { state: "stopped", effects: [] });
  });
});
