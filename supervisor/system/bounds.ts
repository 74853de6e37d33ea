/**
 * The numbers of a system's options, held against their bounds where they come in: a wrong one would show only in the
 * middle of a restart or a stop, where nobody can be told.
 */
import { assert } from "#runtime/errors.ts";
import type { Budget, WorkerSpec } from "#supervisor/child-spec.ts";

/** Longest delay a timer takes, ms. */
const delayMsMax = 2 ** 31 - 1;

export function checkWorker({ name, budget, mailbox, laterMax, shutdownMs }: WorkerSpec): void {
  assert(isCount(laterMax, 1), `laterMax of ${name} is a whole number, at least 1`);
  assert(isCount(mailbox.capacity, 1), `the mailbox capacity of ${name} is a whole number, at least 1`);
  checkDelay(shutdownMs, `shutdownMs of ${name}`);
  checkBudget(budget, `the budget of ${name}`);
}

export function checkBudget({ restartsMax, periodMs }: Budget, what: string): void {
  assert(isCount(restartsMax, 0), `restartsMax in ${what} is a whole number, at least 0`);
  assert(periodMs > 0, `periodMs in ${what} is more than 0`);
}

export function checkDelay(delayMs: number, what: string): void {
  assert(delayMs >= 0 && delayMs <= delayMsMax, `${what} is 0 … 2^31 - 1 ms`);
}

function isCount(count: number, min: number): boolean {
  return Number.isInteger(count) && count >= min;
}
