/**
 * What becomes of the entries of a page: rows, dead letters, or nothing, each for a reason that does not depend on the others.
 *
 * A token is looked at before anything else of an entry: what a stranger sent is not even parsed. It is looked at too where there is nothing
 * to parse: who sent that is to be known. Of tokens, bindings and uses in a page each is asked about once. Where nobody could say, the entry is undecided, and the others are not: it is judged again.
 * A failure is that nothing could be asked at all.
 */
import type { Admission } from "#actors/auth/protocol.ts";
import { readEntry } from "#actors/domain/events/entry.ts";
import type { EventBounds } from "#actors/domain/events/event.ts";
import type { LeanEvent } from "#actors/domain/events/lean-event.ts";
import type { LegacyEvent, LegacyNoticeType } from "#actors/domain/events/legacy-envelope.ts";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import type { DeadReason, Sender } from "#actors/ingest/dead-letter.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";
import type { Binding, LegacyBinding, LegacyUse, Pair } from "#actors/ingest/rows/event-rows.ts";
import { streamIdOf } from "#actors/ingest/rows/stream-id.ts";
import { assert, type Failure, ok, type Result } from "#runtime/errors.ts";
import type { StreamEntry } from "#runtime/redis/group/stream-entry.ts";
import type { Within } from "#runtime/ref.ts";

/** Who knows it cannot be asked now. */
export interface Undecided {
  readonly kind: "undecided";
  readonly cause: string;
}

export type Verdict =
  | Undecided
  | { readonly kind: "row"; readonly row: EventRow }
  /** An envelope without an event. */
  | { readonly kind: "notice"; readonly type: LegacyNoticeType }
  | Dead;

export interface Dead {
  readonly kind: "dead";
  readonly reason: DeadReason;
  readonly error: string;
  readonly sender: Sender | undefined;
}

/** Who is asked; each answers in the order in which it was asked. */
export interface Asked<F extends Failure> {
  admit(tokens: readonly string[], within: Within): Promise<Result<readonly Admission[], F>>;
  bindings(pairs: readonly Pair[], within: Within): Promise<Result<readonly (Binding | Undecided)[], F>>;
  legacy(uses: readonly LegacyUse[], within: Within): Promise<Result<readonly (LegacyBinding | Undecided)[], F>>;
}

export interface Moment {
  readonly bounds: EventBounds;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** An entry that was delivered more often is poison. */
  readonly deliveriesMax: number;
  /** Whose the events of older producers are that come without a token; undefined: they need one. */
  readonly legacyProducer: Uuid | undefined;
}

/** An entry whose token holds, and what it says. */
interface Read {
  readonly event: LeanEvent | LegacyEvent;
  readonly sender: Sender;
}

interface Place {
  readonly kind: "place";
  readonly subjectId: Uuid;
  readonly schemaId: Uuid;
}

type Unread = Exclude<Verdict, { readonly kind: "row" }>;

/** Ids of a stream that was begun anew are later ones, by the clock of its Redis. */
const GENERATION = 0;
const PAYLOAD = "payload";
const TOKEN = "token";
const NOT_BOUND = "somebody else has registered it, or an administrator has said no";
/** Names of fields that are told of an entry without a payload, and characters of each. */
const NAMES_SHOWN = 8;
const NAME_LENGTH_SHOWN = 32;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export async function judge<F extends Failure>(
  entries: readonly StreamEntry[],
  asked: Asked<F>,
  moment: Moment,
  within: Within,
): Promise<Result<readonly Verdict[], F>> {
  const tokens = entries.map((entry) => (isPoison(entry, moment) ? "" : tokenIn(entry)));
  const admissions = await distinctly(
    tokens,
    (token) => (token === "" ? undefined : token),
    (distinct) => asked.admit(distinct, within),
  );
  if (!admissions.ok) return admissions;

  const read = entries.map((entry, at) => readOne(entry, admissions.value[at], moment));
  const pairs = read.map((one) => ("event" in one && one.event.kind === "lean" ? pairOf(one, one.event) : undefined));
  const bindings = await distinctly(
    pairs,
    (pair) => pair && `${pair.producerId} ${pair.subjectId}`,
    (distinct) => asked.bindings(distinct.filter(isThere), within),
  );
  if (!bindings.ok) return bindings;
  const uses = read.map((one) => ("event" in one && one.event.kind === "legacy" ? useOf(one, one.event) : undefined));
  const places = await distinctly(
    uses,
    (use) => use && `${use.producerId} ${use.schemaName} ${use.subjectKey}`,
    (distinct) => asked.legacy(distinct.filter(isThere), within),
  );
  if (!places.ok) return places;

  return ok(
    read.map((one, at) => {
      if ("kind" in one) return one;
      const place = placeOf(one, bindings.value[at], places.value[at]);
      if (place.kind !== "place") return place;
      // Of an older producer's event the subject is known only now.
      return isMeant(one.sender, place.subjectId)
        ? { kind: "row", row: rowOf(one, place, entries[at], moment) }
        : mismatch(one.sender);
    }),
  );
}

/** Whoever had it in hand ended, maybe by what is in it: nothing of it is looked at. */
function isPoison({ deliveryCount }: StreamEntry, { deliveriesMax }: Moment): boolean {
  return deliveryCount > deliveriesMax;
}

/** Empty where there is none, or nobody knows which. A token is ASCII: any other byte becomes a character that no token has. */
function tokenIn({ fields, repeated }: StreamEntry): string {
  const token = fields.get(TOKEN);
  return token === undefined || repeated?.has(TOKEN) === true
    ? ""
    : Buffer.from(token.buffer, token.byteOffset, token.length).toString("latin1");
}

/** Why there is nothing to read, whoever sent it. */
function flawOf({ fields, repeated }: StreamEntry, { bounds }: Moment): Pick<Dead, "reason" | "error"> | undefined {
  if (repeated?.has(PAYLOAD) === true) return { reason: "empty_payload", error: "repeated" };
  const payload = fields.get(PAYLOAD);
  if (payload === undefined) return { reason: "empty_payload", error: `no payload, but ${namesOf(fields)}` };
  if (payload.length === 0) return { reason: "empty_payload", error: "empty" };
  if (payload.length > bounds.sizeBytesMax) {
    return { reason: "too_large", error: `${payload.length} bytes, and at most ${bounds.sizeBytesMax} are taken` };
  }
  return repeated?.has(TOKEN) === true ? { reason: "unauthenticated", error: "repeated" } : undefined;
}

/** For whoever has called it by another name: the first few, each with its length. */
function namesOf(fields: StreamEntry["fields"]): string {
  const shown = [...fields].slice(0, NAMES_SHOWN);
  const named = shown.map(([name, { length }]) => `${name.slice(0, NAME_LENGTH_SHOWN)} (${length} B)`);
  const more = fields.size > NAMES_SHOWN ? [`${fields.size - NAMES_SHOWN} more`] : [];
  return fields.size === 0 ? "nothing" : [...named, ...more].join(", ");
}

function readOne(entry: StreamEntry, admission: Admission | undefined, moment: Moment): Read | Unread {
  const { fields, deliveryCount } = entry;
  const { bounds, legacyProducer } = moment;
  if (isPoison(entry, moment)) return dead("poison", `delivered ${deliveryCount} times`);
  if (admission?.kind === "undecided") return admission;
  const flaw = flawOf(entry, moment);
  if (flaw !== undefined) return { ...flaw, kind: "dead", sender: whoseOf(admission) };
  if (admission?.kind === "refused") return dead(admission.reason, admission.problem, whoseOf(admission));
  const sender = admission === undefined ? anonymous(legacyProducer) : senderOf(admission);
  if (sender === undefined) return dead("unauthenticated", "auth_required");
  const text = textOf(fields.get(PAYLOAD));
  if (text === undefined) return dead("bad_event_json", "not-utf8", sender);
  const read = readEntry(text, bounds);
  if (!read.ok) return dead(read.failure.reason, read.failure.problem, sender);
  const event = read.value;
  if (event.kind === "lean" && admission === undefined) return dead("unauthenticated", "auth_required");
  if (event.kind === "notice") return event;
  return event.kind === "legacy" || isMeant(sender, event.subjectId) ? { event, sender } : mismatch(sender);
}

/** Only older producers may do without a token, and only where the node says whose their events are. */
function anonymous(producerId: Uuid | undefined): Sender | undefined {
  return producerId && { producerId, subjectId: undefined };
}

function senderOf({ producerId, subjectId }: Omit<Extract<Admission, { kind: "admitted" }>, "kind">): Sender {
  const producer = parseUuid(producerId);
  assert(producer !== undefined, "a producer has a UUID");
  // One that is none is of no subject.
  return { producerId: producer, subjectId: subjectId as Uuid | undefined };
}

/** Of an entry that is no event, for whoever looks after it; undefined where nobody can say. */
function whoseOf(admission: Exclude<Admission, { kind: "undecided" }> | undefined): Sender | undefined {
  const whose = admission?.kind === "refused" ? admission.was : admission;
  return whose && senderOf(whose);
}

function isMeant({ subjectId }: Sender, ofEvent: Uuid): boolean {
  return subjectId === undefined || subjectId === ofEvent;
}

function mismatch(sender: Sender): Dead {
  return dead("subject_mismatch_token", `the token is for ${sender.subjectId}`, sender);
}

/** Where it is written, or why nowhere. */
function placeOf(
  { event, sender }: Read,
  binding: Binding | Undecided | undefined,
  use: LegacyBinding | Undecided | undefined,
): Place | Dead | Undecided {
  if (event.kind === "legacy") {
    assert(use !== undefined, "every use was asked about");
    if (use.kind === "undecided") return use;
    if (use.kind === "bound") return { ...use, kind: "place" };
    return dead(use.kind, `the producer may not write about ${event.subjectKey}: ${NOT_BOUND}`, sender);
  }
  assert(binding !== undefined, "every pair was asked about");
  if (binding.kind === "undecided") return binding;
  const { subjectId } = event;
  switch (binding.kind) {
    case "bound":
      return { kind: "place", subjectId, schemaId: binding.schemaId };
    case "missing_subject_schema":
      return dead(binding.kind, `the subject ${subjectId} has no schema`, sender);
    default: {
      const why = binding.isThere ? NOT_BOUND : "nobody has registered it";
      return dead(binding.kind, `the producer may not write about the subject ${subjectId}: ${why}`, sender);
    }
  }
}

function rowOf(
  { event, sender }: Read,
  { subjectId, schemaId }: Place,
  entry: StreamEntry | undefined,
  { nowMs }: Moment,
): EventRow {
  assert(entry !== undefined, "what was read was an entry");
  const { eventId, tsNs, payload, tags } = event;
  const { producerId } = sender;
  return {
    eventId,
    tsNs,
    subjectId,
    schemaId,
    producerId,
    streamId: streamIdOf(GENERATION, entry.id),
    payload,
    tags,
    receivedMs: nowMs,
  };
}

function pairOf({ sender }: Read, { subjectId }: LeanEvent): Pair {
  return { producerId: sender.producerId, subjectId };
}

function useOf({ sender }: Read, { subjectKey, schemaName }: LegacyEvent): LegacyUse {
  return { producerId: sender.producerId, subjectKey, schemaName };
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    // It throws on what is not UTF-8.
    return undefined;
  }
}

function dead(reason: DeadReason, error: string, sender?: Sender): Dead {
  return { kind: "dead", reason, error, sender };
}

function isThere<Value>(value: Value | undefined): value is Value {
  return value !== undefined;
}

/** Asks about each of `questions` once, as its key says, and answers to all of them; undefined has none. */
async function distinctly<Question, Answer, F extends Failure>(
  questions: readonly Question[],
  keyOf: (question: Question) => string | undefined,
  ask: (distinct: readonly Question[]) => Promise<Result<readonly Answer[], F>>,
): Promise<Result<readonly (Answer | undefined)[], F>> {
  const placeOfKey = new Map<string, number>();
  const distinct: Question[] = [];
  const places = questions.map((question) => {
    const key = keyOf(question);
    if (key === undefined) return undefined;
    const known = placeOfKey.get(key);
    if (known !== undefined) return known;
    placeOfKey.set(key, distinct.length);
    return distinct.push(question) - 1;
  });
  if (distinct.length === 0) return ok(questions.map(() => undefined));
  const answers = await ask(distinct);
  if (!answers.ok) return answers;
  return ok(places.map((place) => (place === undefined ? undefined : answers.value[place])));
}
