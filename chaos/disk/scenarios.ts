/** Scenarios of the machine under a node: its power, its disk, its clock, its memory, and its time. */
import { DISK_ERRNOS, DISK_OPERATIONS, type Fault } from "#chaos/fault.ts";
import { CELLS, one, type Scenario, spread } from "#chaos/scenario.ts";
import type { Random } from "#runtime/random.ts";
import { hour, MiB, minute, second } from "#runtime/units.ts";

/** A cell that ends more often than that is quarantined in the end. */
const CRASH_EVERY_MS: number = 15 * second;
/** Syncs that are killed one after the other, each that many syncs later: a start has some, each put one, a seal and a collection more. */
export const SYNCS_IN_A_ROW = 12;

export const MACHINE_SCENARIOS: readonly Scenario[] = [
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
      spread(random, durationMs, 15 * second, (atMs, roomMs) => ({
        kind: "disk-slow",
        atMs,
        forMs: Math.min(5 * second, roomMs),
        delayMs: 20 + random.below(200),
      })),
  },
  {
    name: "disk-full-and-back",
    aim: "the disk is full while objects are put, and then it has room again",
    executors: ["sim", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, 20 * second, (atMs, roomMs) => ({
        kind: "disk-full",
        atMs,
        forMs: Math.min(8 * second, roomMs),
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
    executors: ["sim", "os"],
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
    executors: ["os"],
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
      spread(random, durationMs, CRASH_EVERY_MS, (atMs, roomMs) => ({
        kind: "cpu-stall",
        atMs,
        forMs: 500 + random.below(Math.min(4000, roomMs - 500)),
        cell: one(random, CELLS),
      })),
  },
  {
    name: "memory-runs-out",
    aim: "a cell gets some memory more and then no more, and is ended when it takes what it does not get",
    executors: ["os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs, roomMs) => ({
        kind: "memory-pressure",
        atMs,
        forMs: Math.min(8 * second, roomMs),
        cell: "data",
        freeBytes: 1 * MiB + random.below(8 * MiB),
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
];

/** Of any kind. */
export function diskError(random: Random, atMs: number): Fault {
  return {
    kind: "disk-error",
    atMs,
    forMs: 4 * second,
    operation: one(random, DISK_OPERATIONS),
    errno: one(random, DISK_ERRNOS),
    count: 1 + random.below(3),
  };
}

export function shortWrite(random: Random, atMs: number): Fault {
  return { kind: "short-write", atMs, forMs: 4 * second, errno: one(random, DISK_ERRNOS), count: 1 + random.below(4) };
}

/** Right before the `number`th one. */
export function killAtSync(atMs: number, number: number, power: boolean): Fault {
  return { kind: "kill-at-operation", atMs, forMs: 100, operation: "sync", number, power };
}
