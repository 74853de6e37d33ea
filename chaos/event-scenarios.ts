/** Scenarios in which producers publish, and what takes their events is broken. */
import type { Fault } from "#chaos/fault.ts";
import { one, type Scenario, spread } from "#chaos/scenario.ts";
import type { Random } from "#runtime/random.ts";
import { minute, second } from "#runtime/units.ts";

/** Of the cell that takes events. */
const WORKERS = ["auth", "ingest"] as const;
const SERVERS = ["postgres", "redis"] as const;
/** In scenarios of events. */
const PRODUCERS = 3;
/** The sixth crash of a child within a minute is its quarantine. */
const CRASH_EVERY_MS: number = 15 * second;

export const EVENT_SCENARIOS: readonly Scenario[] = [
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
    faults: (random, durationMs) =>
      spread(random, durationMs, 12 * second, (atMs, roomMs) => outage(random, atMs, roomMs)),
  },
];

/** What ingest works with, and what it is in. */
function outage(random: Random, atMs: number, roomMs: number): Fault {
  switch (random.below(5)) {
    case 0:
      return { kind: "kill-server", atMs, server: one(random, SERVERS) };
    case 1:
      return {
        kind: "stall-server",
        atMs,
        forMs: 500 + random.below(Math.min(8000, roomMs - 500)),
        server: one(random, SERVERS),
      };
    case 2:
      return { kind: "kill-cell", atMs, cell: "work" };
    case 3:
      return { kind: "crash-actor", atMs, actor: one(random, WORKERS) };
    default:
      return { kind: "kill-node", atMs, forMs: 200 + random.below(2000), power: false };
  }
}
