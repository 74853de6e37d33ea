/** One fault of every kind: the compiler holds them equal to the kinds there are. */
import type { Fault, FaultKind } from "#chaos/fault.ts";

const EXAMPLES: { readonly [Kind in FaultKind]: Fault & { readonly kind: Kind } } = {
  "crash-actor": { kind: "crash-actor", atMs: 1, actor: "storage" },
  "kill-cell": { kind: "kill-cell", atMs: 1, cell: "data" },
  "stop-cell": { kind: "stop-cell", atMs: 1, forMs: 2, cell: "data" },
  "kill-node": { kind: "kill-node", atMs: 1, forMs: 2, power: true },
  "kill-server": { kind: "kill-server", atMs: 1, server: "redis" },
  "stall-server": { kind: "stall-server", atMs: 1, forMs: 2, server: "redis" },
  "cut-link": { kind: "cut-link", atMs: 1, forMs: 2, cell: "data" },
  "slow-link": { kind: "slow-link", atMs: 1, forMs: 2, cell: "data", delayMs: 3 },
  "bad-network": {
    kind: "bad-network",
    atMs: 1,
    forMs: 2,
    loss: [1, 10],
    duplicate: [0, 1],
    delayMs: 3,
    jitterMs: 4,
  },
  "disk-error": { kind: "disk-error", atMs: 1, forMs: 2, operation: "sync", errno: "EIO", count: 1 },
  "disk-slow": { kind: "disk-slow", atMs: 1, forMs: 2, delayMs: 3 },
  "disk-full": { kind: "disk-full", atMs: 1, forMs: 2, freeBytes: 0 },
  "clock-jump": { kind: "clock-jump", atMs: 1, byMs: -5 },
  panic: { kind: "panic", atMs: 1, forMs: 2, actor: "storage", failpoint: "put-durable", count: 1 },
  "resume-actor": { kind: "resume-actor", atMs: 1, actor: "storage" },
  partition: { kind: "partition", atMs: 1, forMs: 2, groups: ["a", "b"] },
  "one-way-cut": { kind: "one-way-cut", atMs: 1, forMs: 2, groups: ["c"], lost: "answers" },
  "narrow-network": { kind: "narrow-network", atMs: 1, forMs: 2, bytesPerSecond: 1000 },
  "reordered-network": { kind: "reordered-network", atMs: 1, forMs: 2, reorder: [1, 4], delayMs: 3 },
  "broken-connections": { kind: "broken-connections", atMs: 1, forMs: 2, breaks: [1, 2] },
  "short-write": { kind: "short-write", atMs: 1, forMs: 2, errno: "ENOSPC", count: 1 },
  "torn-write": { kind: "torn-write", atMs: 1, forMs: 2 },
  "bit-flip": { kind: "bit-flip", atMs: 1, count: 1 },
  "kill-at-operation": { kind: "kill-at-operation", atMs: 1, forMs: 2, operation: "sync", number: 3, power: false },
  "clock-drift": { kind: "clock-drift", atMs: 1, forMs: 2, gainMs: -5 },
  "cpu-stall": { kind: "cpu-stall", atMs: 1, forMs: 2, cell: "data" },
  "memory-pressure": { kind: "memory-pressure", atMs: 1, forMs: 2, cell: "data", freeBytes: 1000 },
  "change-config": { kind: "change-config", atMs: 1, forMs: 2, config: "[node]\n" },
};

export const FAULT_EXAMPLES: readonly Fault[] = Object.values(EXAMPLES);
