/**
 * What administrators can ask of ingest: who may write about whose subjects, dead letters, and events. Pure. What is asked for is
 * named in the path, and what is decided in the body, because those are signed.
 */
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import { parseId, writeId } from "#runtime/redis/entry-id.ts";

export type IngestRoute =
  | { readonly name: "ingest-bindings"; readonly after: number | undefined }
  | { readonly name: "ingest-review" }
  | { readonly name: "ingest-letters"; readonly after: string | undefined }
  | { readonly name: "ingest-letter"; readonly letterId: string }
  | { readonly name: "ingest-redrive"; readonly letterId: string }
  | { readonly name: "ingest-drop"; readonly letterId: string }
  | { readonly name: "ingest-event"; readonly eventId: Uuid };

interface Asked {
  readonly method: "GET" | "POST";
  readonly route: IngestRoute;
}

const BINDINGS = "/ingest/bindings";
const BINDINGS_AFTER = /^\/ingest\/bindings\/after\/([1-9]\d{0,14})$/;
const LETTERS = "/ingest/dead-letters";
const LETTER = /^\/ingest\/dead-letters\/(after\/)?(\d{1,20}-\d{1,20})(?:\/(redrive|drop))?$/;
const EVENT = /^\/ingest\/events\/([0-9a-fA-F-]{36})$/;

/** Undefined where there is nothing of ingest at this path. */
export function parseIngestRoute(path: string): Asked | undefined {
  if (path === BINDINGS) return { method: "GET", route: { name: "ingest-bindings", after: undefined } };
  if (path === `${BINDINGS}/review`) return { method: "POST", route: { name: "ingest-review" } };
  const [, number] = BINDINGS_AFTER.exec(path) ?? [];
  if (number !== undefined) return { method: "GET", route: { name: "ingest-bindings", after: Number(number) } };
  if (path === LETTERS) return { method: "GET", route: { name: "ingest-letters", after: undefined } };
  const [, eventText] = EVENT.exec(path) ?? [];
  if (eventText !== undefined) {
    const eventId = parseUuid(eventText);
    return eventId && { method: "GET", route: { name: "ingest-event", eventId } };
  }
  const [, after, letterId, order] = LETTER.exec(path) ?? [];
  if (letterId === undefined || !isEntryId(letterId)) return undefined;
  if (after !== undefined) {
    return order === undefined ? { method: "GET", route: { name: "ingest-letters", after: letterId } } : undefined;
  }
  if (order === undefined) return { method: "GET", route: { name: "ingest-letter", letterId } };
  return { method: "POST", route: { name: order === "drop" ? "ingest-drop" : "ingest-redrive", letterId } };
}

/** As Redis writes it: no other text names an entry. */
function isEntryId(text: string): boolean {
  const parsed = parseId(text);
  return parsed !== undefined && writeId(parsed.id) === text;
}
