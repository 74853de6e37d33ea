/**
 * Rows on their way to where they last: Postgres, or the disk while that cannot take them.
 *
 * What was spilled is moved to Postgres, the oldest first, by one loop. New rows do not wait for it: what a subject's events are
 * read by is their place in the stream, and not when they were committed.
 */

import type { DeadReason } from "#actors/ingest/dead-letter.ts";
import type { DeadLetters } from "#actors/ingest/dead-letters.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";
import { letterOfRow } from "#actors/ingest/letter-of-row.ts";
import type { Meters } from "#actors/ingest/meters.ts";
import type { EventRows, RowsFailure, Written } from "#actors/ingest/rows/event-rows.ts";
import type { Spill, SpillFailure } from "#actors/ingest/spill/spill.ts";
import type { SpillRecord } from "#actors/ingest/spill/spill-record.ts";
import type { Clock } from "#runtime/clock.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import { pause } from "#runtime/pause.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import { troubleOf } from "#runtime/trouble-of.ts";
import { second } from "#runtime/units.ts";

/** Rows of the spill that are moved at once. */
export const REPLAY_ROWS_MAX = 1000;
/** Between two looks for something to move, and after Postgres did not take it. */
export const REPLAY_PAUSE_MS: number = 1 * second;

export interface WriterOptions {
  readonly rows: EventRows;
  readonly spill: Spill;
  readonly record: Pick<SpillRecord, "keep">;
  readonly meters: Meters;
  readonly clock: Clock;
  readonly random: Random;
  /** Of rows that were acknowledged long ago. */
  readonly deadLetters: Pick<DeadLetters, "add">;
  /** `ctx.maybe` of the actor. */
  readonly maybe: (failpoint: string) => void;
  /** Why Postgres takes nothing; undefined when it does again. */
  readonly onTrouble: (cause: string | undefined) => void;
}

/** What became of a row: in Postgres or on disk, it lasts. */
export type Kept = Written | { readonly kind: "spilled" };

export class Writer {
  readonly #options: WriterOptions;
  /** Why the disk took nothing when it was asked last; undefined where it did. */
  #noSpill: string | undefined;

  /** Rows moved at once by the next try. */
  #replayCount = REPLAY_ROWS_MAX;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** One for each of `rows`. After a failure some may be written all the same: write them again. */
  async write(rows: readonly EventRow[], within: Within): Promise<Result<readonly Kept[], SpillFailure>> {
    if (rows.length === 0) return ok([]);
    const { meters, spill, onTrouble, maybe } = this.#options;
    const written = await this.#insert(rows, within);
    if (written.ok) {
      maybe("rows-written");
      this.#noSpill = undefined;
      onTrouble(undefined);
      return written;
    }
    const spilled = await spill.append(rows, within);
    this.#noSpill = spilled.ok ? undefined : refusalOfSpill(spilled.failure);
    this.#away(written.failure);
    if (!spilled.ok) return spilled;
    maybe("rows-spilled");
    meters.spilled.add(rows.length);
    return ok(rows.map(() => ({ kind: "spilled" })));
  }

  /** Moves what was spilled. Settles when `within.signal` is aborted. */
  async replay(within: Within): Promise<void> {
    const { clock, random } = this.#options;
    while (!within.signal.aborted) {
      const hasMoved = await this.#moveOldest(within);
      if (!hasMoved) await pause(clock, REPLAY_PAUSE_MS / 2 + random.below(REPLAY_PAUSE_MS), within.signal);
    }
  }

  async #moveOldest(within: Within): Promise<boolean> {
    const { spill, record, meters, onTrouble, deadLetters, clock, maybe } = this.#options;
    const oldest = await spill.oldest(this.#replayCount, within);
    if (!oldest.ok || oldest.value === undefined) return false;
    const { rows } = oldest.value;
    const written = await this.#insert(rows, within);
    if (!written.ok) {
      this.#away(written.failure);
      // What takes too long as one is not tried as one for ever.
      this.#replayCount = Math.max(1, Math.floor(this.#replayCount / 2));
      return false;
    }
    this.#replayCount = Math.min(REPLAY_ROWS_MAX, this.#replayCount * 2);
    maybe("replayed");
    this.#noSpill = undefined;
    onTrouble(undefined);
    const letters = written.value.flatMap((outcome, at) => {
      const refused = refusalOf(outcome);
      const row = rows[at];
      assert(row !== undefined, "there is an outcome for every row");
      return refused === undefined ? [] : [letterOfRow(row, refused.reason, refused.error, clock.wallMs())];
    });
    const added = await deadLetters.add(letters, within);
    if (!added.ok) return false;
    const dropped = await spill.drop(oldest.value, within);
    if (!dropped.ok) return false;
    meters.replayed.add(rows.length);
    // Nothing waits for it: where Redis is away the record is behind, and the mark of the spill is not.
    await record.keep(within);
    return true;
  }

  /** What is away, and whether that stops the events: while they are spilled it does not. */
  #away(failure: RowsFailure): void {
    const cause = troubleOf(failure);
    this.#options.onTrouble(this.#noSpill === undefined ? cause : `${cause}; nothing more comes in: ${this.#noSpill}`);
  }

  async #insert(rows: readonly EventRow[], within: Within): Promise<Result<readonly Written[], RowsFailure>> {
    const { meters } = this.#options;
    const written = await this.#options.rows.write(rows, within);
    if (!written.ok) return written;
    for (const outcome of ["new", "same"] as const) {
      const count = written.value.filter(({ kind }) => kind === outcome).length;
      if (count > 0) meters.written.add(count, { outcome });
    }
    return written;
  }
}

function refusalOfSpill(failure: SpillFailure): string {
  return failure.code === "ingest.spill-full" ? `${failure.code}: ${failure.cause}` : troubleOf(failure);
}

/** Why a row that the database was asked to take is a dead letter; undefined where it lasts. */
export function refusalOf(outcome: Kept): { readonly reason: DeadReason; readonly error: string } | undefined {
  switch (outcome.kind) {
    case "conflict":
      return { reason: "duplicate_event", error: "another event has this id" };
    case "rejected":
      return { reason: "db_rejected", error: `${outcome.state} ${outcome.message}` };
    default:
      return undefined;
  }
}
