/** One event as it was written, for people. */

import { readStored } from "#actors/domain/canonical-json.ts";
import type { Tag } from "#actors/domain/events/event.ts";
import { isJsonObject, type JsonValue } from "#actors/domain/json-value.ts";
import type { Uuid } from "#actors/domain/uuid.ts";
import { uuidIn } from "#actors/ingest/rows/columns.ts";
import {
  EVENT_SHOWN_BYTES_MAX,
  type EventTooLong,
  type RowsFailure,
  type StoredEvent,
} from "#actors/ingest/rows/event-rows.ts";
import { streamIdOf } from "#actors/ingest/rows/stream-id.ts";
import { ask, type Tables } from "#actors/ingest/rows/tables.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { maybeTextIn, numberIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlRow } from "#runtime/sql/sql.ts";

/** Its id says which month it is in: only that is looked into. */
export async function storedEvent(
  tables: Tables,
  eventId: Uuid,
  within: Within,
): Promise<Result<StoredEvent | undefined, RowsFailure | EventTooLong>> {
  const { schema } = tables;
  const found = await ask(tables, within)(
    "event",
    `select e.event_id, e.ts_ns, e.received_ms, e.subject_id, e.schema_id, e.producer_id, e.stream_generation,
        e.stream_ms, e.stream_sequence, e.tags, octet_length(e.payload::text) as size_bytes,
        case when octet_length(e.payload::text) <= $2 then e.payload end as payload,
        s.subject_key, c.name as schema_name, c.version as schema_version
      from ${schema}.event_ids i join ${schema}.events e using (event_id, ts_ns)
        left join ${schema}.subjects s using (subject_id)
        left join ${schema}.schemas c on c.schema_id = e.schema_id
      where i.event_id = $1`,
    [eventId, EVENT_SHOWN_BYTES_MAX],
  );
  if (!found.ok) return found;
  const [row] = found.value;
  if (row === undefined) return ok(undefined);
  const sizeBytes = numberIn(row, "size_bytes");
  return sizeBytes > EVENT_SHOWN_BYTES_MAX
    ? fail({ code: "ingest.event-too-long", eventId, sizeBytes })
    : ok(eventOf(row));
}

function eventOf(row: SqlRow): StoredEvent {
  const entryId = `${textIn(row, "stream_ms")}-${textIn(row, "stream_sequence")}`;
  const version = maybeTextIn(row, "schema_version");
  return {
    eventId: uuidIn(row, "event_id"),
    tsNs: BigInt(textIn(row, "ts_ns")),
    subjectId: uuidIn(row, "subject_id"),
    subjectKey: maybeTextIn(row, "subject_key"),
    schemaId: uuidIn(row, "schema_id"),
    schemaName: maybeTextIn(row, "schema_name"),
    schemaVersion: version === undefined ? undefined : Number(version),
    producerId: uuidIn(row, "producer_id"),
    streamId: streamIdOf(numberIn(row, "stream_generation"), entryId),
    payload: textIn(row, "payload"),
    tags: tagsOf(readStored(textIn(row, "tags"))),
    receivedMs: numberIn(row, "received_ms"),
  };
}

function tagsOf(value: JsonValue): readonly Tag[] {
  assert(Array.isArray(value), "tags are a list");
  return value.map((tag: JsonValue) => {
    assert(isJsonObject(tag), "a tag has a key and a value");
    const { key, value: said } = tag;
    assert(typeof key === "string" && typeof said === "string", "both are texts");
    return { key, value: said };
  });
}
