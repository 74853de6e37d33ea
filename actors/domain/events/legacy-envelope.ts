/**
 * Envelopes of protocol 0.1.0 (seed 000): `{version, type, id, ts, data}`, with `ts` in microseconds. Only those of type `data`
 * hold an event; those of the others are told apart, so that they can be counted. What is no JSON at all, or
 * could not be stored, is no envelope either: it is refused before anybody can tell.
 *
 * - The 128 bits of `id`, a ULID, are the `event_id`.
 * - Stored is `data` as a whole, with `seq`, the times and `meta`: it has what no column has.
 * - Of `data` are looked at only `kind`, `source` and `symbol`, on which subject and schema depend. A source has no slash, so
 *   that `source/symbol` has one reading; a symbol may, as `BTC/USDT` does.
 */
import {
  type EventBody,
  type EventProblem,
  type EventRefused,
  isText,
  refuseEvent,
} from "#actors/domain/events/event.ts";
import { type EventWindow, outsideOf } from "#actors/domain/events/event-window.ts";
import { type JsonParts, memberOf, membersOf, stringOf } from "#actors/domain/events/json-parts.ts";
import { parseUlid, uuidOfUlid } from "#actors/domain/ulid.ts";
import { ok, type Result } from "#runtime/errors.ts";

/** UTF-16 units of a source. */
export const SOURCE_LENGTH_MAX = 128;
/** UTF-16 units of a symbol. */
export const SYMBOL_LENGTH_MAX = 256;

export type LegacyKind = (typeof KINDS)[number];
export type LegacyNoticeType = (typeof NOTICE_TYPES)[number];

export interface LegacyEvent extends EventBody {
  readonly kind: "legacy";
  /** `source/symbol`. The subject is made on its first use. */
  readonly subjectKey: string;
  readonly schemaName: `fdc-0.1.0/${LegacyKind}`;
}

/** An envelope without an event: it is acknowledged and counted. */
export interface LegacyNotice {
  readonly kind: "notice";
  readonly type: LegacyNoticeType;
}

const VERSION = "0.1.0";
const KINDS = ["trade", "quote", "orderbook", "ohlc", "status"] as const;
const NOTICE_TYPES = ["heartbeat", "control", "ack", "error"] as const;

const LEAN_MEMBERS = ["event_id", "subject_id", "payload"] as const;
const ENVELOPE_MEMBERS = ["version", "type", "id", "data"] as const;

/**
 * Whether an entry is meant as an envelope: it has a member that only envelopes have, and none that only lean events have. So
 * a lean event may have members of any other name, and what is wrong with either is said in its own terms.
 */
export function isEnvelope({ names }: JsonParts): boolean {
  return ENVELOPE_MEMBERS.some((name) => names.includes(name)) && !LEAN_MEMBERS.some((name) => names.includes(name));
}

export function readEnvelope(parts: JsonParts, window: EventWindow): Result<LegacyEvent | LegacyNotice, EventRefused> {
  if (stringOf(memberOf(parts, "version")) !== VERSION) return bad("bad-version");
  const type = stringOf(memberOf(parts, "type"));
  const noticeType = NOTICE_TYPES.find((known) => known === type);
  if (noticeType === undefined && type !== "data") return bad("bad-type");
  const ulid = parseUlid(stringOf(memberOf(parts, "id")) ?? "");
  if (ulid === undefined) return bad("bad-id");
  // No number for any other kind of value.
  const micros = Number(memberOf(parts, "ts"));
  if (!Number.isSafeInteger(micros)) return bad("bad-ts");
  if (noticeType !== undefined) return ok({ kind: "notice", type: noticeType });

  const payload = memberOf(parts, "data");
  const members = membersOf(payload);
  if (payload === undefined || members === undefined) return bad("bad-data");
  const saidKind = stringOf(memberOf(members, "kind"));
  const kind = KINDS.find((known) => known === saidKind);
  if (kind === undefined) return bad("bad-kind");
  const source = stringOf(memberOf(members, "source"));
  if (!isText(source, SOURCE_LENGTH_MAX) || source.includes("/")) return bad("bad-source");
  const symbol = stringOf(memberOf(members, "symbol"));
  if (!isText(symbol, SYMBOL_LENGTH_MAX)) return bad("bad-symbol");
  const tsNs = BigInt(micros) * 1000n;
  const outside = outsideOf(window, tsNs);
  if (outside !== undefined) return refuseEvent("ts_out_of_range", outside);

  return ok({
    kind: "legacy",
    eventId: uuidOfUlid(ulid),
    tsNs,
    subjectKey: `${source}/${symbol}`,
    schemaName: `fdc-0.1.0/${kind}`,
    payload,
    tags: [
      { key: "core.source", value: source },
      { key: "core.symbol", value: symbol },
    ],
  });
}

function bad(problem: EventProblem): Result<never, EventRefused> {
  return refuseEvent("bad_envelope", problem);
}
