/** What a system and its workers get where their options say nothing (architecture §3 and §4). */
import { minute, second } from "#runtime/units.ts";
import type { Budget, MailboxSpec, RestartType } from "#supervisor/child-spec.ts";
import type { Strategy } from "#supervisor/strategy.ts";

/** Messages that wait in a worker's user lane. */
export const MAILBOX_CAPACITY = 128;
/** Tasks that a worker may have in flight by `ctx.later`. */
export const LATER_TASKS_MAX = 1024;
/** Orderly end of one worker. */
export const WORKER_SHUTDOWN_MS: number = 5 * second;
/** Orderly end of the whole system. */
export const SYSTEM_SHUTDOWN_MS: number = 10 * second;
/** Restarts of one worker within `RESTART_PERIOD_MS`; one more is a quarantine. */
export const WORKER_RESTARTS_MAX = 5;
/** Restarts of all workers together within `RESTART_PERIOD_MS`; one more ends the system. */
export const SYSTEM_RESTARTS_MAX = 20;
/** The window of both budgets. */
export const RESTART_PERIOD_MS: number = 1 * minute;

export const defaultStrategy: Strategy = "one-for-one";
/** A worker is there to serve. */
export const defaultRestart: RestartType = "permanent";
export const defaultMailbox: MailboxSpec = { capacity: MAILBOX_CAPACITY, overflow: "reject" };
export const defaultBudget: Budget = { restartsMax: WORKER_RESTARTS_MAX, periodMs: RESTART_PERIOD_MS };
export const defaultIntensity: Budget = { restartsMax: SYSTEM_RESTARTS_MAX, periodMs: RESTART_PERIOD_MS };
