/**
 * Events of protocol lean v1 (seed 004): `{event_id, ts, subject_id, payload, tags?}`. Members of other names are ignored.
 *
 * Where the protocol is silent:
 * - `payload` is any JSON value but `null`, which says as much as no payload; it is stored as it is, object or not;
 * - `tags` may be `null`, as Go writes an empty list; one bad tag refuses the event: nothing is dropped without a word.
 */
import {
  type EventBody,
  type EventProblem,
  type EventRefused,
  isText,
  refuseEvent,
  TAG_KEY_LENGTH_MAX,
  TAG_VALUE_LENGTH_MAX,
  TAGS_MAX,
  type Tag,
} from "#actors/domain/events/event.ts";
import { type EventWindow, outsideOf } from "#actors/domain/events/event-window.ts";
import { itemsOf, type JsonParts, memberOf, membersOf, stringOf } from "#actors/domain/events/json-parts.ts";
import { parseRfc3339 } from "#actors/domain/time-ns.ts";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import { ok, type Result } from "#runtime/errors.ts";

export interface LeanEvent extends EventBody {
  readonly kind: "lean";
  readonly subjectId: Uuid;
}

export function readEvent(parts: JsonParts, window: EventWindow): Result<LeanEvent, EventRefused> {
  const eventId = uuidOf(memberOf(parts, "event_id"));
  if (eventId === undefined) return bad("bad-event-id");
  const ts = stringOf(memberOf(parts, "ts"));
  const tsNs = ts === undefined ? undefined : parseRfc3339(ts);
  if (tsNs === undefined) return bad("bad-ts");
  const subjectId = uuidOf(memberOf(parts, "subject_id"));
  if (subjectId === undefined) return bad("bad-subject-id");
  const payload = memberOf(parts, "payload");
  if (payload === undefined || payload === "null") return bad("no-payload");
  const tags = tagsOf(memberOf(parts, "tags"));
  if (tags === undefined) return bad("bad-tags");
  const outside = outsideOf(window, tsNs);
  if (outside !== undefined) return refuseEvent("ts_out_of_range", outside);

  return ok({ kind: "lean", eventId, tsNs, subjectId, payload, tags });
}

function uuidOf(value: string | undefined): Uuid | undefined {
  const text = stringOf(value);
  return text === undefined ? undefined : parseUuid(text);
}

function tagsOf(value: string | undefined): readonly Tag[] | undefined {
  if (value === undefined || value === "null") return [];
  const items = itemsOf(value);
  if (items === undefined || items.length > TAGS_MAX) return undefined;
  const tags: Tag[] = [];
  for (const item of items) {
    const parts = membersOf(item);
    if (parts === undefined) return undefined;
    const [key, said] = [stringOf(memberOf(parts, "key")), stringOf(memberOf(parts, "value"))];
    if (!isText(key, TAG_KEY_LENGTH_MAX) || !isText(said, TAG_VALUE_LENGTH_MAX)) return undefined;
    tags.push({ key, value: said });
  }
  return tags;
}

function bad(problem: EventProblem): Result<never, EventRefused> {
  return refuseEvent("bad_event_json", problem);
}
