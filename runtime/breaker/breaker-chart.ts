/**
 * The life of a circuit breaker, as a statechart.
 *
 *     closed → open → half-open → closed
 *                ↑________|
 *
 * Nothing in the chart runs by itself: what the budget decided, and that a period is over, arrive as events. What runs
 * is `breakerTable`: the chart, enumerated once at load.
 */
import { setup, transition } from "xstate";
import { type Move, type Table, tabulate } from "#runtime/statechart/table.ts";

export const BREAKER_STATES = ["closed", "open", "half-open"] as const;
/** `closed`: calls pass. `open`: none does. `half-open`: one does, and decides. */
export type BreakerState = (typeof BREAKER_STATES)[number];

export const BREAKER_EVENTS = [
  /** More failures than the budget allows. */
  "exceeded",
  /** The open period is over, and there is a caller to probe with. */
  "due",
  /** Verdicts on the probe. */
  "succeeded",
  "failed",
] as const;
export type BreakerEvent = (typeof BREAKER_EVENTS)[number];

export const BREAKER_EFFECTS = [
  /** Refuse for a while, longer than the last time. */
  "begin-period",
  /** Earlier failures, and the length of the last period, no longer count. */
  "forgive",
] as const;
export type BreakerEffect = (typeof BREAKER_EFFECTS)[number];

const nothing = (): void => undefined;

const chart = setup({
  types: { events: {} as { readonly type: BreakerEvent } },
  actions: { "begin-period": nothing, forgive: nothing } satisfies Record<BreakerEffect, () => void>,
}).createMachine({
  initial: "closed",
  states: {
    closed: { on: { exceeded: { target: "open", actions: "begin-period" } } },
    open: { on: { due: "half-open" } },
    "half-open": {
      on: {
        succeeded: { target: "closed", actions: "forgive" },
        failed: { target: "open", actions: "begin-period" },
      },
    },
  },
});

/** One step of the chart itself, through xstate. For building the table and for testing it; nothing runs on it. */
export function stepBreakerChart(state: BreakerState, event: BreakerEvent): Move<BreakerState, BreakerEffect> {
  const [next, actions] = transition(chart, chart.resolveState({ value: state }), { type: event });
  return { state: next.value, effects: actions.map((action) => action.type as BreakerEffect) };
}

export const breakerTable: Table<BreakerState, BreakerEvent, BreakerEffect> = tabulate(
  BREAKER_STATES,
  BREAKER_EVENTS,
  stepBreakerChart,
);
