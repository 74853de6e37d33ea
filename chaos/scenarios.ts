/** Every scenario, by what it tries. */
import { DISK_ERRNOS, DISK_OPERATIONS, type Fault } from "#chaos/fault.ts";
import { type Scenario, SMALL_CONFIG, spread } from "#chaos/scenario.ts";
import type { Random } from "#runtime/random.ts";
import { hour, MiB, minute, second } from "#runtime/units.ts";

const ACTORS = ["storage", "index", "overlay", "gateway", "telemetry"] as const;
/** Of the cell that takes events. */
const WORKERS = ["auth", "ingest"] as const;
const SERVERS = ["postgres", "redis"] as const;
/** In scenarios of events. */
const PRODUCERS = 3;
const CELLS = ["data", "ops"] as const;

/** The sixth crash of a child within a minute is its quarantine. */
const CRASH_EVERY_MS: number = 15 * second;

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
    executors: ["sim"],
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
  {
    name: "network-is-bad",
    aim: "requests and answers are lost, late and doubled on their way",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) => spread(random, durationMs, 15 * second, (atMs) => badNetwork(random, atMs)),
  },
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
  {
    name: "postgres-stalls",
    aim: "Postgres says nothing for some seconds at a time while events come",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    producers: PRODUCERS,
    faults: (random, durationMs) =>
      spread(random, durationMs, 12 * second, (atMs) => ({
        kind: "stall-server",
        atMs,
        forMs: 1 * second + random.below(5000),
        server: "postgres",
      })),
  },
  {
    name: "postgres-is-killed",
    aim: "Postgres is killed while events come",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    producers: PRODUCERS,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) => ({ kind: "kill-server", atMs, server: "postgres" })),
  },
  {
    name: "redis-is-killed",
    aim: "Redis is killed while events come",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    producers: PRODUCERS,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) => ({ kind: "kill-server", atMs, server: "redis" })),
  },
  {
    name: "redis-stalls",
    aim: "Redis says nothing for some seconds at a time while events come",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    producers: PRODUCERS,
    faults: (random, durationMs) =>
      spread(random, durationMs, 12 * second, (atMs) => ({
        kind: "stall-server",
        atMs,
        forMs: 1 * second + random.below(5000),
        server: "redis",
      })),
  },
  {
    name: "work-cell-is-killed",
    aim: "the cell that takes events is killed at work, and its actors crash",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    producers: PRODUCERS,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) =>
        random.below(2) === 0
          ? { kind: "kill-cell", atMs, cell: "work" }
          : { kind: "crash-actor", atMs, actor: one(random, WORKERS) },
      ),
  },
  {
    name: "power-fails-while-spilling",
    aim: "Postgres is away, so that events are kept on the disk of the node, and then the machine loses its power",
    executors: ["sim"],
    durationMs: 1 * minute,
    producers: PRODUCERS,
    faults: (random, durationMs) =>
      spread(random, durationMs, CRASH_EVERY_MS, (atMs) => ({ kind: "kill-server", atMs, server: "postgres" })).flatMap(
        (killed) => [
          killed,
          { kind: "kill-node", atMs: killed.atMs + 200 + random.below(800), forMs: 200, power: true } as const,
        ],
      ),
  },
  {
    name: "events-through-everything",
    aim: "servers, the cell that takes events and the whole node are killed or hang, one upon the other",
    executors: ["sim", "process", "os"],
    durationMs: 2 * minute,
    settlesWithinMs: 1 * minute,
    producers: PRODUCERS,
    faults: (random, durationMs) => spread(random, durationMs, 12 * second, (atMs) => outage(random, atMs)),
  },
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
  switch (random.below(9)) {
    case 0:
    case 1:
      return { kind: "crash-actor", atMs, actor: one(random, ACTORS) };
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
      return badNetwork(random, atMs);
    default:
      return { kind: "slow-link", atMs, forMs: 2 * second, cell: "ops", delayMs: 100 + random.below(900) };
  }
}

/** What ingest works with, and what it is in. */
function outage(random: Random, atMs: number): Fault {
  switch (random.below(5)) {
    case 0:
      return { kind: "kill-server", atMs, server: one(random, SERVERS) };
    case 1:
      return { kind: "stall-server", atMs, forMs: 500 + random.below(8000), server: one(random, SERVERS) };
    case 2:
      return { kind: "kill-cell", atMs, cell: "work" };
    case 3:
      return { kind: "crash-actor", atMs, actor: one(random, WORKERS) };
    default:
      return { kind: "kill-node", atMs, forMs: 200 + random.below(2000), power: false };
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

function badNetwork(random: Random, atMs: number): Fault {
  return {
    kind: "bad-network",
    atMs,
    forMs: 5 * second,
    loss: [random.below(31), 100],
    duplicate: [random.below(21), 100],
    delayMs: random.below(100),
    jitterMs: random.below(1000),
  };
}

/** A setting that a node takes while it runs. */
function withInterval(hours: number): string {
  return `${SMALL_CONFIG}collectIntervalMs = ${hours * hour}\n`;
}

function one<Item>(random: Random, [first, ...others]: readonly [Item, ...Item[]]): Item {
  return others[random.below(others.length + 1) - 1] ?? first;
}

export function scenarioNamed(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name);
}
