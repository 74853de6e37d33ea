/** What the arms are asked to do, who can, and what Cepa should reach. */
import { IN_FLIGHT } from "#bench/actors/arm.ts";
import type { Target } from "#bench/actors/target.ts";

/** In the order of the table's columns. */
export const ARMS = ["Cepa", "Erlang", "nact", "xstate", "xstate fn", "Effect", "Emitter", "function"] as const;
export type ArmName = (typeof ARMS)[number];

/** The file of an arm in Node, in `arms/`. */
export const ARM_FILES: Readonly<Record<Exclude<ArmName, "Erlang">, string>> = {
  Cepa: "cepa",
  nact: "nact",
  xstate: "xstate-machine",
  "xstate fn": "xstate-transition",
  Effect: "effect",
  Emitter: "event-emitter",
  function: "function-call",
};

export interface Work {
  readonly name: string;
  /** For people. */
  readonly label: string;
  /** `/s`: more is better. `B` an actor: less is. */
  readonly unit: "/s" | "B";
  /** Messages or lives between two looks at the clock. */
  readonly batch: number;
  readonly arms: readonly ArmName[];
  readonly targets: readonly Target[];
}

const batch = 100 * IN_FLIGHT;
const actors: readonly ArmName[] = ["Cepa", "Erlang", "nact", "xstate", "xstate fn", "Effect"];

export const RATES: readonly Work[] = [
  {
    name: "call-sequential",
    label: "call, one after the other",
    unit: "/s",
    batch,
    arms: ARMS,
    targets: [{ least: 4_000_000 }, { least: 4, times: "Erlang" }],
  },
  {
    name: "call-64",
    label: `call, ${IN_FLIGHT} in flight`,
    unit: "/s",
    batch,
    arms: ARMS,
    targets: [{ least: 7_000_000 }, { least: 4, times: "Erlang" }],
  },
  {
    name: "cast",
    label: "cast, handled",
    unit: "/s",
    batch: 2 * batch,
    arms: ARMS,
    targets: [
      { least: 20_000_000 },
      { least: 2, times: "Erlang" },
      { least: 3, times: "nact" },
      { least: 3, times: "xstate" },
    ],
  },
  {
    name: "spawn",
    label: "spawn, started, stopped",
    unit: "/s",
    batch: 10 * IN_FLIGHT,
    arms: actors,
    targets: [{ least: 300_000 }],
  },
  {
    name: "link-call-64",
    label: "call between processes, 64 B",
    unit: "/s",
    batch: 10 * IN_FLIGHT,
    arms: ["Cepa", "Erlang"],
    targets: [{ least: 200_000 }],
  },
];

/** Their batch is the number of actors. */
export const MEMORIES: readonly Work[] = [
  {
    name: "memory-idle",
    label: "memory of an idle actor",
    unit: "B",
    batch: 100_000,
    arms: actors,
    targets: [{ most: 1536 }],
  },
  {
    name: "memory-woken",
    label: "the same, after its first message",
    unit: "B",
    batch: 100_000,
    arms: actors,
    targets: [],
  },
];

/** How long all of it takes. */
export interface Effort {
  /** Of each arm at each work. */
  readonly rounds: number;
  readonly warmups: number;
  readonly roundMs: number;
  readonly populationRounds: number;
  /** Of a memory's batch. */
  readonly populationShare: number;
  readonly tracingRounds: number;
  readonly tracingCalls: number;
  readonly restarts: number;
  readonly overloadMs: number;
}

/** A few minutes. */
export const FULL: Effort = {
  rounds: 7,
  warmups: 3,
  roundMs: 300,
  populationRounds: 3,
  populationShare: 1,
  tracingRounds: 21,
  tracingCalls: 100_000,
  restarts: 3000,
  overloadMs: 4000,
};

/** Shows that all of it works. Its figures say little. */
export const QUICK: Effort = {
  rounds: 2,
  warmups: 1,
  roundMs: 20,
  populationRounds: 1,
  populationShare: 0.02,
  tracingRounds: 3,
  tracingCalls: 2000,
  restarts: 100,
  overloadMs: 200,
};
