/**
 * A row as it is kept on disk: the length of its head, 4 bytes, big-endian; the head, JSON of a list, which has no names that a
 * reader could misread; then the payload as it is, which is most of it. Its integrity is that of its batch.
 */
import type { Tag } from "#actors/domain/events/event.ts";
import type { JsonValue } from "#actors/domain/json-value.ts";
import { parseJson } from "#actors/domain/parse-json.ts";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";

/** The first of the list. */
const VERSION = 1;
const LENGTH_BYTES = 4;
const INTEGER = /^-?\d{1,30}$/;

export function encodeRow(row: EventRow): Buffer {
  const { eventId, tsNs, subjectId, schemaId, producerId, streamId, payload, tags, receivedMs } = row;
  const pairs = tags.map(({ key, value }) => [key, value]);
  const list = [VERSION, eventId, subjectId, schemaId, producerId, streamId, String(tsNs), receivedMs, pairs];
  const head = Buffer.from(JSON.stringify(list));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, Buffer.from(payload)]);
}

/** Undefined for what this version does not write. */
export function decodeRow(bytes: Buffer): EventRow | undefined {
  if (bytes.length < LENGTH_BYTES) return undefined;
  const headEnd = LENGTH_BYTES + bytes.readUInt32BE(0);
  if (headEnd > bytes.length) return undefined;
  const list = parseJson(bytes.toString("utf8", LENGTH_BYTES, headEnd));
  if (!Array.isArray(list)) return undefined;
  const [version, eventId, subjectId, schemaId, producerId, streamId, tsNs, receivedMs, pairs] = list;
  if (version !== VERSION || typeof streamId !== "string" || typeof receivedMs !== "number") return undefined;
  if (typeof tsNs !== "string" || !INTEGER.test(tsNs)) return undefined;
  const ids = [eventId, subjectId, schemaId, producerId].map(uuidIn);
  const tags = tagsIn(pairs);
  const [event, subject, schema, producer] = ids;
  if (event === undefined || subject === undefined || tags === undefined) return undefined;
  if (schema === undefined || producer === undefined) return undefined;
  const known = { eventId: event, subjectId: subject, schemaId: schema, producerId: producer };
  return { ...known, tsNs: BigInt(tsNs), streamId, payload: bytes.toString("utf8", headEnd), tags, receivedMs };
}

function uuidIn(value: JsonValue | undefined): Uuid | undefined {
  return typeof value === "string" ? parseUuid(value) : undefined;
}

function tagsIn(pairs: JsonValue | undefined): readonly Tag[] | undefined {
  if (!Array.isArray(pairs)) return undefined;
  const tags = pairs.map((pair): Tag | undefined => {
    const [key, value] = Array.isArray(pair) ? pair : [];
    return typeof key === "string" && typeof value === "string" ? { key, value } : undefined;
  });
  return tags.every((tag) => tag !== undefined) ? tags : undefined;
}
