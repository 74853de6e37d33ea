/**
 * The tables, through a circuit breaker: a Postgres that does not answer is found out once, and not by every page anew, so
 * that what comes meanwhile is on disk as fast as it came.
 */
import type { EventRows } from "#actors/ingest/rows/event-rows.ts";
import { Breaker, type BreakerOptions } from "#runtime/breaker/breaker.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlUnreachable } from "#runtime/sql/sql.ts";
import { second } from "#runtime/units.ts";
import { withinMs } from "#runtime/within-ms.ts";

/** A call that takes longer is one that Postgres does not answer: what it was to write is spilled. */
export const ROWS_MS_MAX: number = 10 * second;
/** Faults of Postgres within `ROWS_PERIOD_MS` that are borne; one more, and it is left alone for a while. */
export const ROWS_FAULTS_MAX = 2;
/** Long enough for one that hangs to be found out, each time for `ROWS_MS_MAX`. */
export const ROWS_PERIOD_MS: number = 60 * second;
/** Longest period in which a Postgres that was away is not asked. */
export const ROWS_OPEN_MS_MAX: number = 4 * second;

export type GuardSeams = Pick<BreakerOptions<Failure>, "clock" | "random" | "log" | "metrics">;

/** Those of `rows`; to open them, and to close them, is of a life, and not guarded. */
export function guardedRows(rows: EventRows, seams: GuardSeams): EventRows {
  const breaker = new Breaker<Failure>({
    ...seams,
    name: "ingest-postgres",
    isFault: isUnreachable,
    limits: { failuresMax: ROWS_FAULTS_MAX, periodMs: ROWS_PERIOD_MS, openMsMax: ROWS_OPEN_MS_MAX },
  });
  let trouble = "";
  async function ask<Value, F extends Failure>(
    within: Within,
    task: (bounded: Within) => Promise<Result<Value, F>>,
  ): Promise<Result<Value, F | SqlUnreachable>> {
    let asked: Result<Value, F> | undefined;
    await breaker.run(within, async () => {
      asked = await task(withinMs(within, ROWS_MS_MAX, seams.clock));
      return asked;
    });
    // That nobody asks is no news about why.
    if (asked === undefined) return fail({ code: "sql.unreachable", executed: "no", cause: trouble });
    if (!asked.ok && isUnreachable(asked.failure)) trouble = asked.failure.cause;
    return asked;
  }
  return {
    open: (within) => rows.open(within),
    bindings: (pairs, within) => ask(within, (bounded) => rows.bindings(pairs, bounded)),
    legacy: (uses, atMs, within) => ask(within, (bounded) => rows.legacy(uses, atMs, bounded)),
    write: (written, within) => ask(within, (bounded) => rows.write(written, bounded)),
    registerSubject: (registration, within) => ask(within, (bounded) => rows.registerSubject(registration, bounded)),
    upgradeSubject: (upgrade, within) => ask(within, (bounded) => rows.upgradeSubject(upgrade, bounded)),
    bindingRequests: (after, limit, within) => ask(within, (bounded) => rows.bindingRequests(after, limit, bounded)),
    reviewBinding: (review, within) => ask(within, (bounded) => rows.reviewBinding(review, bounded)),
    event: (eventId, within) => ask(within, (bounded) => rows.event(eventId, bounded)),
    close: () => rows.close(),
  };
}

function isUnreachable(failure: Failure): failure is SqlUnreachable {
  return failure.code === "sql.unreachable";
}
