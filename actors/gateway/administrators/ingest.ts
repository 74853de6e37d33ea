/**
 * What administrators ask of ingest, and what they are answered: who waits to be let write about somebody else's subject, and what is
 * decided about it; dead letters to look at, redrive and drop; and events.
 */
import type { JsonObject } from "#actors/domain/json-value.ts";
import { formatRfc3339 } from "#actors/domain/time-ns.ts";
import type { IngestRoute } from "#actors/gateway/administrators/ingest-routes.ts";
import { letterJson, shownJson } from "#actors/gateway/administrators/letter-json.ts";
import { bindingIn } from "#actors/gateway/administrators/orders.ts";
import { type Answer, jsonAnswer, jsonTextAnswer, type Served, timeOf } from "#actors/gateway/desk.ts";
import type { IngestProtocol } from "#actors/ingest/protocol.ts";
import { ok, unreachable } from "#runtime/errors.ts";
import type { ReplyOf } from "#runtime/protocol.ts";
import type { CallOptions, Ref } from "#runtime/ref.ts";

/** Dead letters in one answer; the next ones are behind `next` of it. */
export const ADMIN_LETTERS_LISTED_MAX = 16;

/** Producers that wait for a binding in one answer; the next ones are behind `next` of it. */
export const ADMIN_BINDINGS_LISTED_MAX = 100;

/** What an administrator has signed. */
export interface IngestOrder {
  readonly route: IngestRoute;
  readonly body: JsonObject;
  readonly reviewer: string;
  readonly options: CallOptions;
}

type BindingRequest = ReplyOf<IngestProtocol, "listBindingRequests">[number];
type StoredEvent = ReplyOf<IngestProtocol, "readEvent">;
type Redriven = ReplyOf<IngestProtocol, "redriveDeadLetter">;

export async function askIngest(ingest: Ref<IngestProtocol>, order: IngestOrder): Served {
  const { route, options } = order;
  switch (route.name) {
    case "ingest-bindings": {
      const limit = ADMIN_BINDINGS_LISTED_MAX;
      const listed = await ingest.call("listBindingRequests", { after: route.after, limit }, options);
      if (!listed.ok) return listed;
      const next = listed.value.length < limit ? undefined : listed.value.at(-1)?.number;
      return ok(jsonAnswer(200, { bindings: listed.value.map(requestJson), next: next ?? null }));
    }
    case "ingest-review":
      return await reviewBinding(ingest, order);
    case "ingest-letters": {
      const limit = ADMIN_LETTERS_LISTED_MAX;
      const page = await ingest.call("listDeadLetters", { after: route.after, limit }, options);
      if (!page.ok) return page;
      const { totalCount, letters } = page.value;
      const next = letters.length < limit ? undefined : letters.at(-1)?.letterId;
      return ok(jsonAnswer(200, { total: totalCount, letters: letters.map(letterJson), next: next ?? null }));
    }
    case "ingest-letter": {
      const letter = await ingest.call("readDeadLetter", { letterId: route.letterId }, options);
      return letter.ok ? ok(jsonAnswer(200, shownJson(letter.value))) : letter;
    }
    case "ingest-redrive": {
      const { letterId } = route;
      const redriven = await ingest.call("redriveDeadLetter", { letterId }, options);
      return redriven.ok ? ok(jsonAnswer(200, redrivenJson(letterId, redriven.value))) : redriven;
    }
    case "ingest-drop": {
      const dropped = await ingest.call("dropDeadLetter", { letterId: route.letterId }, options);
      if (!dropped.ok) return dropped;
      return ok({ status: 204, headers: { "Cache-Control": "no-store" }, body: undefined });
    }
    case "ingest-event": {
      const event = await ingest.call("readEvent", { eventId: route.eventId }, options);
      return event.ok ? ok(eventAnswer(event.value)) : event;
    }
    default:
      return unreachable(route);
  }
}

async function reviewBinding(ingest: Ref<IngestProtocol>, { body, reviewer, options }: IngestOrder): Served {
  const wanted = bindingIn(body);
  if (!wanted.ok) return wanted;
  const reviewed = await ingest.call("reviewBinding", { ...wanted.value, reviewer }, options);
  if (!reviewed.ok) return reviewed;
  const { action, producerId, subjectId } = wanted.value;
  const { subjectKey, isTold } = reviewed.value;
  const status = action === "approve" ? "approved" : "denied";
  const pair = { producer_id: producerId, subject_id: subjectId, subject_key: subjectKey };
  return ok(jsonAnswer(200, { status, ...pair, told: isTold }));
}

function requestJson({
  producerId,
  subjectId,
  subjectKey,
  askedMs,
}: BindingRequest): Readonly<Record<string, unknown>> {
  return { producer_id: producerId, subject_id: subjectId, subject_key: subjectKey, asked_at: timeOf(askedMs) };
}

function redrivenJson(letterId: string, { kind, ...more }: Redriven): Readonly<Record<string, unknown>> {
  return { letter_id: letterId, result: kind, ...more };
}

/** The payload is the last member, as the database writes it: read and written anew, it would lose digits. */
function eventAnswer(event: StoredEvent): Answer {
  const head = JSON.stringify({
    event_id: event.eventId,
    ts: formatRfc3339(event.tsNs),
    ts_ns: String(event.tsNs),
    subject_id: event.subjectId,
    subject_key: event.subjectKey ?? null,
    schema_id: event.schemaId,
    schema: event.schemaName ?? null,
    schema_version: event.schemaVersion ?? null,
    producer_id: event.producerId,
    stream_id: event.streamId,
    received_at: timeOf(event.receivedMs),
    tags: event.tags,
  });
  return jsonTextAnswer(200, `${head.slice(0, -1)},"payload":${event.payload}}`);
}
