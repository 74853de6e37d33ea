/**
 * The supervision tree: the one place that shows every actor, where it runs and how it is kept alive.
 *
 * Read it top to bottom. Start order is dependency order; stop order is the reverse.
 * Actors of one cell share a process, and a fate only when that process dies.
 */
import { minute, second } from "#runtime/units.ts";
import { cell, type NodeSpec, worker } from "#supervisor/child-spec.ts";

/** The sixth crash inside the window quarantines the child (seed 003 §2.7). */
const budget = { restartsMax: 5, periodMs: 1 * minute };
/** More restarts than this among all children means that the cause is not in a child: escalate. */
const intensity = { restartsMax: 20, periodMs: 1 * minute };

const strategy = "one-for-one";
const mailbox = { capacity: 128, overflow: "reject" } as const;

export const tree: NodeSpec = {
  strategy,
  intensity,
  cells: [
    cell("data", { strategy, intensity, budget, required: true }, [
      worker({ name: "storage", budget, mailbox, laterMax: 1024, shutdownMs: 10 * second }),
      worker({ name: "index", budget, mailbox, laterMax: 1024, shutdownMs: 5 * second }),
      worker({ name: "overlay", budget, mailbox, laterMax: 1024, shutdownMs: 10 * second }),
      worker({ name: "gateway", budget, mailbox, laterMax: 16, shutdownMs: 9 * second }),
    ]),
    cell("ops", { strategy, intensity, budget, required: false }, [
      worker({
        name: "telemetry",
        budget,
        mailbox: { capacity: 1024, overflow: "drop-oldest" },
        laterMax: 16,
        shutdownMs: 2 * second,
      }),
    ]),
  ],
};
