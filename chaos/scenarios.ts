/** Every scenario, by what it tries. */
import { diskError, killAtSync, MACHINE_SCENARIOS, SYNCS_IN_A_ROW, shortWrite } from "#chaos/disk/scenarios.ts";
import { EVENT_SCENARIOS } from "#chaos/event-scenarios.ts";
import type { Fault, FaultOf } from "#chaos/fault.ts";
import { anyNetwork, NETWORK_SCENARIOS } from "#chaos/network/scenarios.ts";
import { CELLS, type Choice, one, type Scenario, SMALL_CONFIG, spread } from "#chaos/scenario.ts";
import type { Random } from "#runtime/random.ts";
import { hour, minute, second } from "#runtime/units.ts";

const ACTORS = ["storage", "index", "overlay", "gateway", "telemetry"] as const;

/** The sixth crash of a child within a minute is its quarantine. */
const RESTARTS_MAX = 5;
const CRASH_EVERY_MS: number = 15 * second;

/** Failpoints that clients come to who put something, whole or in pieces, and name it. */
const HALF_WAY: Choice<Pick<FaultOf<"panic">, "actor" | "failpoint">> = [
  { actor: "storage", failpoint: "put-taken" },
  { actor: "storage", failpoint: "put-durable" },
  { actor: "storage", failpoint: "upload-appended" },
  { actor: "index", failpoint: "record-taken" },
  { actor: "index", failpoint: "entries-recorded" },
  { actor: "index", failpoint: "name-durable" },
  { actor: "overlay", failpoint: "put-taken" },
  { actor: "overlay", failpoint: "put-done" },
  { actor: "overlay", failpoint: "name-set" },
  { actor: "gateway", failpoint: "request-taken" },
];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "storage-crashes-while-putting",
    aim: "storage crashes over and over while objects are put and read",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) => ({ kind: "crash-actor", atMs, actor: "storage" })),
  },
  {
    name: "actors-crash",
    aim: "one actor after the other crashes, whichever it is",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) => {
      // In turn, in one order or another: drawn each time, one of them would crash too often, and be quarantined.
      const step = 1 + random.below(ACTORS.length - 1);
      let turn = random.below(ACTORS.length);
      return spread(random, durationMs, 5 * second, (atMs) => {
        turn = (turn + step) % ACTORS.length;
        return { kind: "crash-actor", atMs, actor: ACTORS[turn] ?? ACTORS[0] };
      });
    },
  },
  {
    name: "actors-panic-half-way",
    aim: "an actor crashes between what it has made durable and its answer",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) => ({
        kind: "panic",
        atMs,
        forMs: 10 * second,
        count: 1,
        ...one(random, HALF_WAY),
      })),
  },
  {
    name: "restart-storm-to-quarantine",
    aim: "one actor crashes until it is quarantined, and an operator lifts that later",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    settlesWithinMs: 30 * second,
    faults: (random, durationMs) => {
      const actor = one(random, ACTORS);
      const crashCount = RESTARTS_MAX + 1;
      // A life is begun again after two seconds at most: each crash is one of a life.
      const everyMs = Math.min(6 * second, Math.floor(durationMs / (crashCount + 1)));
      const crashes = Array.from({ length: crashCount }, (_, index): Fault => {
        return { kind: "crash-actor", atMs: (index + 1) * everyMs, actor };
      });
      return [...crashes, { kind: "resume-actor", atMs: crashCount * everyMs + 1 + random.below(everyMs), actor }];
    },
  },
  {
    name: "cells-are-killed",
    aim: "the process of a cell is killed at work",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) => ({ kind: "kill-cell", atMs, cell: one(random, CELLS) })),
  },
  {
    name: "cells-hang",
    aim: "the process of a cell stands still for a while",
    executors: ["process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs, roomMs) => ({
        kind: "stop-cell",
        atMs,
        forMs: 500 + random.below(Math.min(4000, roomMs - 500)),
        cell: one(random, CELLS),
      })),
  },
  {
    name: "node-is-killed",
    aim: "every process of the node is killed at work, and the node started again",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 10 * second, (atMs) => ({ kind: "kill-node", atMs, forMs: 200, power: false })),
  },
  ...MACHINE_SCENARIOS,
  {
    name: "links-are-cut",
    aim: "links between cells are cut, or slow",
    executors: ["sim"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 12 * second, (atMs, roomMs) => {
        // There is a link again before the next one.
        const forMs = Math.floor(roomMs / 2);
        return random.below(2) === 0
          ? { kind: "cut-link", atMs, forMs, cell: "ops" }
          : { kind: "slow-link", atMs, forMs, cell: "ops", delayMs: 100 + random.below(900) };
      }),
  },
  ...NETWORK_SCENARIOS,
  {
    name: "config-flaps",
    aim: "the configuration is written anew again and again at work",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) => {
      let hours = 0;
      return spread(random, durationMs, 8 * second, (atMs) => {
        // Another one than before.
        hours = (hours + 1 + random.below(HOURS_COUNT - 1)) % HOURS_COUNT;
        return { kind: "change-config", atMs, forMs: 2 * second, config: withInterval(HOURS_MIN + hours) };
      });
    },
  },
  ...EVENT_SCENARIOS,
  {
    name: "everything-at-once",
    aim: "anything of all that goes wrong, one upon the other",
    executors: ["sim"],
    durationMs: 2 * minute,
    settlesWithinMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 8 * second, (atMs) => anything(random, atMs, random.below(KINDS))),
  },
  {
    name: "a-few-kinds-at-once",
    aim: "two or three kinds of all that goes wrong, others under each seed, and often",
    executors: ["sim"],
    durationMs: 2 * minute,
    settlesWithinMs: 1 * minute,
    // What is done by a few alone another kind would hide, which brings the node down before it shows.
    faults: (random, durationMs) => {
      const few = Array.from({ length: 2 + random.below(2) }, () => random.below(KINDS));
      const faults = spread(random, durationMs, 4 * second, (atMs) => {
        return anything(random, atMs, few[random.below(few.length)] ?? 0);
      });
      return withoutQuarantine(faults);
    },
  },
];

/** Those that would have a cell or an actor crash too often within a minute are left out: nobody would be served for long. */
function withoutQuarantine(faults: readonly Fault[]): readonly Fault[] {
  const kept: Fault[] = [];
  for (const fault of faults) {
    const crashed = crashedBy(fault);
    const before = kept.filter((other) => crashedBy(other) === crashed && fault.atMs - other.atMs < minute);
    if (crashed === undefined || before.length < RESTARTS_MAX - 1) kept.push(fault);
  }
  return kept;
}

function crashedBy(fault: Fault): string | undefined {
  if (fault.kind === "kill-cell") return fault.cell;
  return fault.kind === "crash-actor" || fault.kind === "panic" ? fault.actor : undefined;
}

/** Intervals of collections, none of which is the one that a node begins with. */
const [HOURS_MIN, HOURS_COUNT] = [7, 24] as const;
const KINDS = 15;

/** Something of one of so many kinds. */
function anything(random: Random, atMs: number, kind: number): Fault {
  switch (kind) {
    case 0:
      return { kind: "crash-actor", atMs, actor: one(random, ACTORS) };
    case 1:
      return { kind: "panic", atMs, forMs: 8 * second, count: 1, ...one(random, HALF_WAY) };
    case 2:
      return { kind: "kill-cell", atMs, cell: one(random, CELLS) };
    case 3:
      return { kind: "kill-node", atMs, forMs: 200 + random.below(2000), power: random.below(2) === 0 };
    case 4:
      return diskError(random, atMs);
    case 5:
      return { kind: "disk-slow", atMs, forMs: 2 * second, delayMs: 10 + random.below(100) };
    case 6:
      return { kind: "clock-jump", atMs, byMs: random.below(2 * hour) - hour };
    case 7:
      return anyNetwork(random, atMs);
    case 8:
      return shortWrite(random, atMs);
    case 9:
      return { kind: "torn-write", atMs, forMs: 500 };
    case 10:
      return { kind: "bit-flip", atMs, count: 1 + random.below(4) };
    case 11:
      return { kind: "clock-drift", atMs, forMs: 4 * second, gainMs: random.below(3000) - 1000 };
    case 12:
      return { kind: "cpu-stall", atMs, forMs: 500 + random.below(1500), cell: one(random, CELLS) };
    case 13:
      return killAtSync(atMs, 1 + random.below(SYNCS_IN_A_ROW), random.below(2) === 0);
    default:
      return { kind: "slow-link", atMs, forMs: 2 * second, cell: "ops", delayMs: 100 + random.below(900) };
  }
}

/** A setting that a node takes while it runs. */
function withInterval(hours: number): string {
  return `${SMALL_CONFIG}collectIntervalMs = ${hours * hour}\n`;
}

export function scenarioNamed(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name);
}
