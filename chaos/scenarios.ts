/** Every scenario, by what it tries. */

import { EVENT_SCENARIOS } from "#chaos/event-scenarios.ts";
import { DISK_ERRNOS, DISK_OPERATIONS, type Fault, type FaultOf } from "#chaos/fault.ts";
import { anyNetwork, NETWORK_SCENARIOS } from "#chaos/network/scenarios.ts";
import { type Choice, one, type Scenario, SMALL_CONFIG, spread } from "#chaos/scenario.ts";
import type { Random } from "#runtime/random.ts";
import { hour, MiB, minute, second } from "#runtime/units.ts";

const ACTORS = ["storage", "index", "overlay", "gateway", "telemetry"] as const;
const CELLS = ["data", "ops"] as const;

/** The sixth crash of a child within a minute is its quarantine. */
const RESTARTS_MAX = 5;
const CRASH_EVERY_MS: number = 15 * second;

/** Failpoints that clients who put and name something come to. */
const HALF_WAY: Choice<Pick<FaultOf<"panic">, "actor" | "failpoint">> = [
  { actor: "storage", failpoint: "put-taken" },
  { actor: "storage", failpoint: "put-durable" },
  { actor: "index", failpoint: "record-taken" },
  { actor: "index", failpoint: "entries-recorded" },
  { actor: "index", failpoint: "name-durable" },
  { actor: "overlay", failpoint: "put-taken" },
  { actor: "overlay", failpoint: "put-done" },
  { actor: "overlay", failpoint: "name-set" },
  { actor: "gateway", failpoint: "request-taken" },
];

/** Syncs that are killed one after the other, each that many syncs later: a start has some, each put one, a seal and a collection more. */
const SYNCS_IN_A_ROW = 12;

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
    faults: (random, durationMs) =>
      spread(random, durationMs, 5 * second, (atMs) => ({ kind: "crash-actor", atMs, actor: one(random, ACTORS) })),
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
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) => ({
        kind: "stop-cell",
        atMs,
        forMs: 500 + random.below(4000),
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
  {
    name: "power-fails",
    aim: "the machine loses its power at work, and what its disk had not made durable",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 8 * second, (atMs) => ({ kind: "kill-node", atMs, forMs: 1000, power: true })),
  },
  {
    name: "disk-fails-now-and-then",
    aim: "single operations of the disk fail, of every kind",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) => spread(random, durationMs, 12 * second, (atMs) => diskError(random, atMs)),
  },
  {
    name: "disk-is-slow",
    aim: "the disk takes its time, for some seconds at a time",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 15 * second, (atMs) => ({
        kind: "disk-slow",
        atMs,
        forMs: 5 * second,
        delayMs: 20 + random.below(200),
      })),
  },
  {
    name: "disk-full-and-back",
    aim: "the disk is full while objects are put, and then it has room again",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 20 * second, (atMs) => ({
        kind: "disk-full",
        atMs,
        forMs: 8 * second,
        freeBytes: random.below(1 * MiB),
      })),
  },
  {
    name: "writes-are-cut-short",
    aim: "single writes take only a part of what they are given, and then there is no room, or the disk fails",
    executors: ["sim"],
    durationMs: 1 * minute,
    faults: (random, durationMs) => spread(random, durationMs, 8 * second, (atMs) => shortWrite(random, atMs)),
  },
  {
    name: "writes-are-torn",
    aim: "the power goes in the middle of a write, of which a part is there afterwards",
    executors: ["sim"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 6 * second, (atMs) => ({ kind: "torn-write", atMs, forMs: 500 })),
  },
  {
    name: "bytes-decay",
    aim: "bits of the store flip where they lie: what is damaged is told, never served, and whole again when it is put again",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 5 * second, (atMs) => ({ kind: "bit-flip", atMs, count: 1 + random.below(4) })),
  },
  {
    name: "data-cell-killed-at-every-fsync",
    aim: "the node is killed right before its first sync after a start, its second, and so on, and every other time the power goes as well",
    executors: ["sim"],
    durationMs: 2 * minute,
    settlesWithinMs: 1 * minute,
    faults: (random, durationMs) => {
      let number = random.below(SYNCS_IN_A_ROW);
      // The last one has syncs to wait for, too.
      return spread(random, Math.round(durationMs * 0.75), 500, (atMs) => {
        number = (number % SYNCS_IN_A_ROW) + 1;
        return killAtSync(atMs, number, number % 2 === 0);
      });
    },
  },
  {
    name: "data-cell-killed-at-an-fsync",
    aim: "as that, now and then: where a start takes seconds",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    settlesWithinMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, Math.round(durationMs * 0.75), 12 * second, (atMs) =>
        killAtSync(atMs, 1 + random.below(3), random.below(2) === 0),
      ),
  },
  {
    name: "clocks-drift",
    aim: "the wall clock runs too fast or too slow, or stands still",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 12 * second, (atMs) => ({
        kind: "clock-drift",
        atMs,
        forMs: 6 * second,
        gainMs: random.below(3000) - 1000,
      })),
  },
  {
    name: "cells-stall",
    aim: "the event loop of a cell stands still for a while, and everything that was to happen happens at once afterwards",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) => ({
        kind: "cpu-stall",
        atMs,
        forMs: 500 + random.below(4000),
        cell: one(random, CELLS),
      })),
  },
  {
    name: "memory-runs-out",
    aim: "a cell gets some memory more and then no more, and is ended when it takes what it does not get",
    executors: ["os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) => ({
        kind: "memory-pressure",
        atMs,
        forMs: 8 * second,
        cell: "data",
        freeBytes: 4 * MiB + random.below(16 * MiB),
      })),
  },
  {
    name: "clock-jumps-back-an-hour",
    aim: "the wall clock jumps, by up to an hour in either direction",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 10 * second, (atMs) => ({
        kind: "clock-jump",
        atMs,
        byMs: random.below(2 * hour) - hour,
      })),
  },
  {
    name: "links-are-cut",
    aim: "links between cells are cut, or slow",
    executors: ["sim"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 12 * second, (atMs) =>
        random.below(2) === 0
          ? { kind: "cut-link", atMs, forMs: 3 * second, cell: "ops" }
          : { kind: "slow-link", atMs, forMs: 3 * second, cell: "ops", delayMs: 100 + random.below(900) },
      ),
  },
  ...NETWORK_SCENARIOS,
  {
    name: "config-flaps",
    aim: "the configuration is written anew again and again at work",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 8 * second, (atMs) => ({
        kind: "change-config",
        atMs,
        forMs: 2 * second,
        config: withInterval(1 + random.below(24)),
      })),
  },
  ...EVENT_SCENARIOS,
  {
    name: "everything-at-once",
    aim: "anything of all that goes wrong, one upon the other",
    executors: ["sim"],
    durationMs: 2 * minute,
    settlesWithinMs: 1 * minute,
    faults: (random, durationMs) => spread(random, durationMs, 8 * second, (atMs) => anything(random, atMs)),
  },
];

function anything(random: Random, atMs: number): Fault {
  switch (random.below(15)) {
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
      return { kind: "cpu-stall", atMs, forMs: 500 + random.below(2000), cell: one(random, CELLS) };
    case 13:
      return killAtSync(atMs, 1 + random.below(SYNCS_IN_A_ROW), random.below(2) === 0);
    default:
      return { kind: "slow-link", atMs, forMs: 2 * second, cell: "ops", delayMs: 100 + random.below(900) };
  }
}

function diskError(random: Random, atMs: number): Fault {
  return {
    kind: "disk-error",
    atMs,
    forMs: 4 * second,
    operation: one(random, DISK_OPERATIONS),
    errno: one(random, DISK_ERRNOS),
    count: 1 + random.below(3),
  };
}

function shortWrite(random: Random, atMs: number): Fault {
  return { kind: "short-write", atMs, forMs: 4 * second, errno: one(random, DISK_ERRNOS), count: 1 + random.below(4) };
}

function killAtSync(atMs: number, number: number, power: boolean): Fault {
  return { kind: "kill-at-operation", atMs, forMs: 100, operation: "sync", number, power };
}

/** A setting that a node takes while it runs. */
function withInterval(hours: number): string {
  return `${SMALL_CONFIG}collectIntervalMs = ${hours * hour}\n`;
}

export function scenarioNamed(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name);
}
