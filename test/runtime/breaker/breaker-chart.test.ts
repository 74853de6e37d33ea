/** The table that runs against the chart that is drawn. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  BREAKER_EFFECTS,
  BREAKER_EVENTS,
  BREAKER_STATES,
  breakerTable,
  stepBreakerChart,
} from "#runtime/breaker/breaker-chart.ts";

const moves = BREAKER_STATES.flatMap((state) =>
  BREAKER_EVENTS.map((event) => ({ from: state, event, ...breakerTable[state][event] })),
);

describe("breaker chart: the table", () => {
  it("says of every event in every state what the chart says", () => {
    for (const { from, event, state, effects } of moves) {
      assert.deepEqual({ state, effects }, stepBreakerChart(from, event), `${event} in ${from}`);
    }
  });

  it("reaches every state and names every effect", () => {
    assert.deepEqual(new Set(moves.map(({ state }) => state)), new Set(BREAKER_STATES));
    assert.deepEqual(new Set(moves.flatMap(({ effects }) => effects)), new Set(BREAKER_EFFECTS));
  });

  it("begins a period exactly where it opens, and closes only by a probe that succeeded", () => {
    for (const { from, event, state, effects } of moves) {
      assert.equal(effects.includes("begin-period"), state === "open" && from !== "open", `${event} in ${from}`);
      if (state === "closed" && from !== "closed") assert.deepEqual([from, event], ["half-open", "succeeded"]);
    }
  });
});
