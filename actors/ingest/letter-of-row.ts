/** A row that the database refused after its entry was acknowledged, as the entry of lean v1 that it may be redriven as. */
import { formatRfc3339 } from "#actors/domain/time-ns.ts";
import type { DeadLetter, DeadReason } from "#actors/ingest/dead-letter.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";
import { placeOf } from "#actors/ingest/rows/stream-id.ts";

export function letterOfRow(row: EventRow, reason: DeadReason, error: string, nowMs: number): DeadLetter {
  const { eventId, tsNs, subjectId, payload, tags, producerId, streamId, receivedMs } = row;
  const members = {
    event_id: JSON.stringify(eventId),
    ts: JSON.stringify(formatRfc3339(tsNs)),
    subject_id: JSON.stringify(subjectId),
    // As it came, so that no digit of a number is lost.
    payload,
    tags: JSON.stringify(tags),
  };
  const text = Object.entries(members).map(([name, value]) => `"${name}":${value}`);
  return {
    id: placeText(streamId),
    reason,
    error,
    payload: Buffer.from(`{${text.join()}}`),
    token: new Uint8Array(0),
    sender: { producerId, subjectId: undefined },
    attempts: 1,
    firstMs: receivedMs,
    lastMs: nowMs,
  };
}

/** The id of the entry, without the generation of its stream. */
function placeText(streamId: string): string {
  const { ms, sequence } = placeOf(streamId);
  return `${ms}-${sequence}`;
}
