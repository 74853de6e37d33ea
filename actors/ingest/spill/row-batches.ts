/** Rows as what is made durable at once: records, in batches that one sync may carry. */
import type { EventRow } from "#actors/ingest/event-row.ts";
import { encodeRow } from "#actors/ingest/spill/spilled-row.ts";
import { assert } from "#runtime/errors.ts";
import { BATCH_HEADER_BYTES, RECORD_HEADER_BYTES } from "#runtime/journal/batch.ts";
import { MiB } from "#runtime/units.ts";

/** Rows are made durable in batches of so much; a larger row is one by itself. */
export const SPILL_BATCH_BYTES_MAX: number = 2 * MiB;
/** A row that takes more is a defect: a message may be no larger. */
export const SPILL_ROW_BYTES_MAX: number = 6 * MiB;

/** In their order; none without a row. */
export function inBatches(rows: readonly EventRow[]): readonly (readonly Uint8Array[])[] {
  const batches: Uint8Array[][] = [];
  let leftBytes = 0;
  for (const row of rows) {
    const record = encodeRow(row);
    assert(record.length <= SPILL_ROW_BYTES_MAX, "a row is of a message that is no larger than it may be");
    if (record.length > leftBytes || batches.length === 0) {
      batches.push([]);
      leftBytes = SPILL_BATCH_BYTES_MAX;
    }
    batches.at(-1)?.push(record);
    leftBytes -= record.length;
  }
  return batches;
}

/** What it takes in its file. */
export function batchBytesOf(records: readonly Uint8Array[]): number {
  return records.reduce((sum, { length }) => sum + RECORD_HEADER_BYTES + length, BATCH_HEADER_BYTES);
}
