/**
 * The life of a child, as a statechart.
 *
 *     stopped → starting → running ⇄ degraded → stopping → stopped
 *     crashed → backing-off → starting
 *     quarantined → probing → running
 *
 * - Timers are ordinary events (`due`), effects are names, and what a budget decided arrives as an event
 *   (`restart`, `quarantine`, `stop`), and `crashed` hears no other. Nothing in the chart runs by itself.
 * - An event that a state does not name changes nothing: a late one is harmless.
 * - `start-life` occurs only on transitions out of states in which nothing is alive.
 * - A child is `stopped` only when nothing is left of it: what a life that crashed still has open is waited for, too.
 *
 * What runs is `childTable`: the chart, enumerated once at load.
 */
import { setup, transition } from "xstate";
import { type Move, type Table, tabulate } from "#runtime/statechart/table.ts";

export const CHILD_STATES = [
  "stopped",
  "starting",
  "running",
  "degraded",
  "stopping",
  "crashed",
  "backing-off",
  "quarantined",
  "probing",
] as const;
/**
 * Where a child stands: `stopped`, `starting`, `running`, `degraded`, `stopping`, `crashed`, `backing-off`, `quarantined`
 * or `probing`.
 */
export type ChildState = (typeof CHILD_STATES)[number];

export const CHILD_EVENTS = [
  /** To begin a life: at boot, or as part of a strategy. */
  "start",
  /** The life is up. */
  "started",
  /** The life is over, or did not come up. */
  "exited",
  /** Verdicts on an exit; the third is `stop`. */
  "restart",
  "quarantine",
  /** The back-off or the pause before a probe is over. */
  "due",
  /** The life has lasted for the stable period. It is said at the life's end, before anything is decided. */
  "stable",
  "degraded",
  "ready",
  /** To end the life in an orderly way. */
  "stop",
  /** Nothing of the life is left. */
  "stopped",
  /** An operator wants it up now. */
  "resume",
] as const;
export type ChildEvent = (typeof CHILD_EVENTS)[number];

export const CHILD_EFFECTS = [
  "start-life",
  "stop-life",
  /** The stable period begins. */
  "mark-running",
  "arm-backoff",
  "arm-probe",
  "disarm",
  "reset-backoff",
  "forgive",
  /** Nothing will serve soon: whoever waits is told. */
  "refuse",
] as const;
export type ChildEffect = (typeof CHILD_EFFECTS)[number];

const nothing = (): void => undefined;

const chart = setup({
  types: { events: {} as { readonly type: ChildEvent } },
  actions: {
    "start-life": nothing,
    "stop-life": nothing,
    "mark-running": nothing,
    "arm-backoff": nothing,
    "arm-probe": nothing,
    disarm: nothing,
    "reset-backoff": nothing,
    forgive: nothing,
    refuse: nothing,
  } satisfies Record<ChildEffect, () => void>,
}).createMachine({
  initial: "stopped",
  states: {
    stopped: {
      on: {
        start: { target: "starting", actions: "start-life" },
        resume: { target: "starting", actions: ["forgive", "start-life"] },
      },
    },
    starting: {
      on: {
        started: { target: "running", actions: "mark-running" },
        exited: "crashed",
        stop: { target: "stopping", actions: "stop-life" },
      },
    },
    running: {
      on: {
        degraded: "degraded",
        stable: { actions: "reset-backoff" },
        exited: "crashed",
        stop: { target: "stopping", actions: "stop-life" },
      },
    },
    degraded: {
      on: {
        ready: "running",
        stable: { actions: "reset-backoff" },
        exited: "crashed",
        stop: { target: "stopping", actions: "stop-life" },
      },
    },
    stopping: { on: { stopped: "stopped" } },
    crashed: {
      on: {
        restart: { target: "backing-off", actions: "arm-backoff" },
        quarantine: { target: "quarantined", actions: ["arm-probe", "refuse"] },
        stop: { target: "stopping", actions: "stop-life" },
      },
    },
    "backing-off": {
      on: {
        due: { target: "starting", actions: ["disarm", "start-life"] },
        resume: { target: "starting", actions: ["disarm", "forgive", "start-life"] },
        stop: { target: "stopping", actions: ["disarm", "stop-life"] },
      },
    },
    quarantined: {
      on: {
        due: { target: "probing", actions: ["disarm", "start-life"] },
        resume: { target: "starting", actions: ["disarm", "forgive", "start-life"] },
        stop: { target: "stopping", actions: ["disarm", "stop-life"] },
      },
    },
    probing: {
      on: {
        started: { target: "running", actions: "mark-running" },
        exited: { target: "quarantined", actions: ["arm-probe", "refuse"] },
        stop: { target: "stopping", actions: "stop-life" },
      },
    },
  },
});

/** One step of the chart itself, through xstate. For building the table and for testing it; nothing runs on it. */
export function stepChart(state: ChildState, event: ChildEvent): Move<ChildState, ChildEffect> {
  const [next, actions] = transition(chart, chart.resolveState({ value: state }), { type: event });
  return { state: next.value, effects: actions.map((action) => action.type as ChildEffect) };
}

export const childTable: Table<ChildState, ChildEvent, ChildEffect> = tabulate(CHILD_STATES, CHILD_EVENTS, askChart);

/** Three of four events mean nothing to a state. Not asking the library about them makes every process start sooner. */
function askChart(state: ChildState, event: ChildEvent): Move<ChildState, ChildEffect> {
  const isNamed = chart.states[state]?.ownEvents.includes(event) === true;
  return isNamed ? stepChart(state, event) : { state, effects: [] };
}

/** States in which a life is under way, so that a new one must not begin. */
export function isAlive(state: ChildState): boolean {
  return (
    state === "starting" || state === "running" || state === "degraded" || state === "stopping" || state === "probing"
  );
}

/** States in which the child does its work. */
export function isServing(state: ChildState): boolean {
  return state === "running" || state === "degraded";
}
