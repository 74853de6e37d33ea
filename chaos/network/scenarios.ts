/** Scenarios of the network between clients and the node. */
import type { Fault } from "#chaos/fault.ts";
import { DIRECTIONS } from "#chaos/network/barrier.ts";
import { CLIENT_GROUPS, type ClientGroup } from "#chaos/network/groups.ts";
import { RECOVERY_MS_MAX } from "#chaos/recovery.ts";
import { one, type Scenario, spread } from "#chaos/scenario.ts";
import type { Random } from "#runtime/random.ts";
import { KiB, minute, second } from "#runtime/units.ts";

export const NETWORK_SCENARIOS: readonly Scenario[] = [
  {
    name: "network-is-bad",
    aim: "requests and answers are lost, late and doubled on their way",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    faults: (random, durationMs) => spread(random, durationMs, 15 * second, (atMs) => badNetwork(random, atMs)),
  },
  {
    name: "clients-are-cut-off",
    aim: "nothing passes between some clients and the node, A|B and A|B|C, and now and then between all of them",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    settlesWithinMs: RECOVERY_MS_MAX,
    faults: (random, durationMs) =>
      spread(random, durationMs, 12 * second, (atMs) => ({
        kind: "partition",
        atMs,
        forMs: 3 * second + random.below(4000),
        groups: some(random),
      })),
  },
  {
    name: "answers-are-lost",
    aim: "what clients send arrives and what they are answered does not, or the other way round",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    settlesWithinMs: RECOVERY_MS_MAX,
    faults: (random, durationMs) =>
      spread(random, durationMs, 12 * second, (atMs) => ({
        kind: "one-way-cut",
        atMs,
        forMs: 3 * second + random.below(4000),
        groups: some(random),
        lost: one(random, DIRECTIONS),
      })),
  },
  {
    name: "connections-break-and-drip",
    aim: "connections are reset in the middle of what they carry, overtake one another, or carry next to nothing",
    executors: ["sim", "process", "os"],
    durationMs: 1 * minute,
    settlesWithinMs: RECOVERY_MS_MAX,
    faults: (random, durationMs) => spread(random, durationMs, 10 * second, (atMs) => badConnections(random, atMs)),
  },
];

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

function badConnections(random: Random, atMs: number): Fault {
  const stretch = { atMs, forMs: 5 * second };
  switch (random.below(3)) {
    case 0:
      return { kind: "broken-connections", ...stretch, breaks: [1, 2] };
    case 1:
      return { kind: "reordered-network", ...stretch, reorder: [1, 4], delayMs: 100 + random.below(400) };
    default:
      return { kind: "narrow-network", ...stretch, bytesPerSecond: (16 + random.below(256)) * KiB };
  }
}

/** Anything that may be wrong with it, once. */
export function anyNetwork(random: Random, atMs: number): Fault {
  switch (random.below(4)) {
    case 0:
      return { kind: "partition", atMs, forMs: 4 * second, groups: some(random) };
    case 1:
      return { kind: "one-way-cut", atMs, forMs: 4 * second, groups: some(random), lost: one(random, DIRECTIONS) };
    case 2:
      return badConnections(random, atMs);
    default:
      return badNetwork(random, atMs);
  }
}

/** One group of clients, two, or all of them. */
function some(random: Random): readonly ClientGroup[] {
  const from = random.below(CLIENT_GROUPS.length);
  return [...CLIENT_GROUPS.slice(from), ...CLIENT_GROUPS.slice(0, from)].slice(
    0,
    1 + random.below(CLIENT_GROUPS.length),
  );
}
