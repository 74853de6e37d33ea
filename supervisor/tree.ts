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
  servers: [
    { name: "postgres", budget, shutdownMs: 5 * second },
    { name: "redis", budget, shutdownMs: 5 * second },
  ],
  // Whoever publishes adds to the four streams of seed 004, and reads what it is answered.
  producers: {
    writes: ["events", "fdc:register", "fdc:subject:register", "fdc:token:exchange"],
    reads: ["fdc:register:resp:*", "fdc:subject:resp:*", "fdc:token:resp:*"],
    named: { writes: ["auth.legacyRegisterStream"], reads: ["auth.legacyResponseStream"] },
  },
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
    cell(
      "work",
      { strategy, intensity, budget, required: false, enabledBy: "ingest", servers: ["postgres", "redis"] },
      [
        worker({ name: "auth", budget, mailbox, laterMax: 256, shutdownMs: 5 * second }),
        worker({ name: "ingest", budget, mailbox, laterMax: 64, shutdownMs: 5 * second }),
      ],
    ),
  ],
};
