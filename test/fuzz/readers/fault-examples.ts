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
  "change-config": { kind: "change-config", atMs: 1, forMs: 2, config: "[node]\n" },
};

export const FAULT_EXAMPLES: readonly Fault[] = Object.values(EXAMPLES);
