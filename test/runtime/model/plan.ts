/** Who there is, and how little each may take: small limits are met in every run. */
import type { MailboxOptions } from "#runtime/mailbox.ts";
import { second } from "#runtime/units.ts";
import type { Budget } from "#supervisor/child-spec.ts";

export const CELLS = ["left", "right"] as const;
export type CellName = (typeof CELLS)[number];

interface ClerkPlan extends MailboxOptions {
  readonly cell: CellName;
  readonly laterMax: number;
}

export type ClerkName = "alpha" | "beta" | "gamma" | "delta";

export const CLERKS: Readonly<Record<ClerkName, ClerkPlan>> = {
  alpha: { cell: "left", capacity: 3, overflow: "reject", laterMax: 2 },
  beta: { cell: "left", capacity: 2, overflow: "drop-oldest", laterMax: 1 },
  gamma: { cell: "right", capacity: 3, overflow: "reject", laterMax: 2 },
  delta: { cell: "right", capacity: 2, overflow: "drop-oldest", laterMax: 1 },
};

export const CLERK_NAMES = Object.keys(CLERKS) as readonly ClerkName[];

/** Of each clerk. */
export const BUDGET: Budget = { restartsMax: 2, periodMs: 10 * second };
/** Of each cell's supervisor. */
export const INTENSITY: Budget = { restartsMax: 3, periodMs: 10 * second };

export function cellOf(clerk: ClerkName): CellName {
  return CLERKS[clerk].cell;
}

export function clerksOf(cell: CellName): readonly ClerkName[] {
  return CLERK_NAMES.filter((clerk) => cellOf(clerk) === cell);
}
