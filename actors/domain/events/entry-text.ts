/**
 * The text of an entry, as the JSON object that it is in both protocols.
 *
 * It is as a whole what Postgres can store, also in what nobody looks at: so no event fails a batch for what is in it.
 */
import { type EventRefused, refuseEvent } from "#actors/domain/events/event.ts";
import { isStorable } from "#actors/domain/events/json-escapes.ts";
import { type JsonParts, splitJson } from "#actors/domain/events/json-parts.ts";
import { isJsonObject } from "#actors/domain/json-value.ts";
import { parseJson } from "#actors/domain/parse-json.ts";
import { ok, type Result } from "#runtime/errors.ts";

export function parseEntry(text: string, sizeBytesMax: number): Result<JsonParts, EventRefused> {
  if (text === "") return refuseEvent("empty_payload", "empty");
  // No text has more characters than bytes: a very long one is not measured.
  const isTooLarge = text.length > sizeBytesMax || Buffer.byteLength(text) > sizeBytesMax;
  if (isTooLarge) return refuseEvent("too_large", "too-large");
  const value = parseJson(text);
  if (value === undefined) return refuseEvent("bad_event_json", "not-json");
  if (!isJsonObject(value)) return refuseEvent("bad_event_json", "not-an-object");
  if (!isStorable(text)) return refuseEvent("bad_event_json", "not-storable");
  const parts = splitJson(text);
  return typeof parts === "object" ? ok(parts) : refuseEvent("bad_event_json", parts);
}
