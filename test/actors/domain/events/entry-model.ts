/**
 * What an entry holds, read the slow way: through `Date`, a list of tokens and the arithmetic of large numbers. It shares no
 * code with the reader, and answers with the reason alone where there is no event.
 */
import { readJson, type SlowValue } from "#test/actors/domain/events/slow-json.ts";

export interface ModelBounds {
  readonly sizeBytesMax: number;
  readonly nowNs: bigint;
}

type Members = ReadonlyMap<string, SlowValue>;

const MILLION = 1_000_000n;

/** An entry, its `payload` as the slow reader has it, or the reason why it is none. */
export function entryModel(text: string, { sizeBytesMax, nowNs }: ModelBounds): unknown {
  if (text.length === 0) return "empty_payload";
  if (new TextEncoder().encode(text).length > sizeBytesMax) return "too_large";
  if (!text.isWellFormed() || !isWithinBounds(text)) return "bad_event_json";
  const value = slowly(text);
  if (!isObject(value) || !isStorable(text)) return "bad_event_json";
  const isLean = ["event_id", "subject_id", "payload"].some((name) => value.has(name));
  const isEnvelope = !isLean && ["version", "type", "id", "data"].some((name) => value.has(name));
  return isEnvelope ? envelopeModel(value, nowNs) : leanModel(value, nowNs);
}

function leanModel(value: Members, nowNs: bigint): unknown {
  const [eventId, subjectId] = [value.get("event_id"), value.get("subject_id")];
  const tsNs = momentModel(value.get("ts"));
  const payload = value.get("payload") ?? null;
  const tags = value.get("tags") ?? [];
  const isGood = isUuid(eventId) && isUuid(subjectId) && tsNs !== undefined && payload !== null && isTags(tags);
  if (!isGood) return "bad_event_json";
  if (!isInWindow(tsNs, nowNs)) return "ts_out_of_range";
  return {
    kind: "lean",
    eventId: eventId.toLowerCase(),
    tsNs,
    subjectId: subjectId.toLowerCase(),
    payload,
    tags: tags.map((tag) => ({ key: tag.get("key"), value: tag.get("value") })),
  };
}

function isTags(value: SlowValue): value is readonly Members[] {
  return (
    Array.isArray(value) &&
    value.length <= 64 &&
    value.every((tag) => isObject(tag) && isWord(tag.get("key"), 128) && isWord(tag.get("value"), 512))
  );
}

function envelopeModel(value: Members, nowNs: bigint): unknown {
  const type = value.get("type");
  const id = value.get("id");
  const micros = microsModel(value.get("ts"));
  const isFrame =
    value.get("version") === "0.1.0" &&
    typeof type === "string" &&
    ["data", "heartbeat", "control", "ack", "error"].includes(type) &&
    typeof id === "string" &&
    /^[0-7][0-9ABCDEFGHJKMNPQRSTVWXYZ]{25}$/.test(id.toUpperCase()) &&
    Buffer.byteLength(id) === 26 &&
    micros !== undefined;
  if (!isFrame) return "bad_envelope";
  if (type !== "data") return { kind: "notice", type };
  const payload = value.get("data") ?? null;
  if (!isObject(payload)) return "bad_envelope";
  const [kind, source, symbol] = ["kind", "source", "symbol"].map((name) => payload.get(name));
  const isKind = typeof kind === "string" && /^(trade|quote|orderbook|ohlc|status)$/.test(kind);
  if (!isKind || !isWord(source, 128) || source.includes("/") || !isWord(symbol, 256)) return "bad_envelope";
  const tsNs = micros * 1000n;
  if (!isInWindow(tsNs, nowNs)) return "ts_out_of_range";
  return {
    kind: "legacy",
    eventId: uuidOfUlidModel(id.toUpperCase()),
    tsNs,
    subjectKey: `${source}/${symbol}`,
    schemaName: `fdc-0.1.0/${kind}`,
    payload,
    tags: [
      { key: "core.source", value: source },
      { key: "core.symbol", value: symbol },
    ],
  };
}

function slowly(text: string): SlowValue | undefined {
  try {
    return readJson(text);
  } catch {
    return undefined;
  }
}

/** Of all tokens of the text, those of members that others replace too. */
function isStorable(text: string): boolean {
  return [...text.matchAll(/"(?:\\.|[^"\\])*"/gs)].every(([literal]) => {
    const said = readJson(literal);
    return typeof said === "string" && !said.includes("\0") && said.isWellFormed();
  });
}

function isWithinBounds(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:\\.|[^"\\])*"|-?\d[-+.\deE]*|[[\]{}]/gs)) {
    if (/^[[{]/.test(token)) depth += 1;
    else if (/^[\]}]/.test(token)) depth -= 1;
    else if (/^[-\d]/.test(token)) {
      const exponent = /e\+?(-?\d+)$/i.exec(token)?.[1] ?? "0";
      if (token.length > 4096 || BigInt(exponent) > 400n || BigInt(exponent) < -400n) return false;
    }
    if (depth > 128) return false;
  }
  return true;
}

function uuidOfUlidModel(ulid: string): string {
  let bits = 0n;
  for (const digit of ulid) bits = bits * 32n + BigInt("0123456789ABCDEFGHJKMNPQRSTVWXYZ".indexOf(digit));
  const hex = bits.toString(16).padStart(32, "0");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Whole numbers in whatever form they were written, as far as doubles know all their neighbours. */
function microsModel(ts: SlowValue | undefined): bigint | undefined {
  if (typeof ts !== "object" || ts === null || !("number" in ts)) return undefined;
  const value = Number(ts.number);
  return Math.trunc(value) === value && Math.abs(value) < 2 ** 53 ? BigInt(value) : undefined;
}

function momentModel(ts: SlowValue | undefined): bigint | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(String(ts).toUpperCase());
  if (typeof ts !== "string" || parts === null) return undefined;
  const [, date = "", hour = "", minute = "", second = "", fraction = ".0", zone = ""] = parts;
  const day = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date)) return undefined;
  const [zoneHour = "0", zoneMinute = "0"] = zone === "Z" ? [] : zone.slice(1).split(":");
  if (Number(hour) > 23 || Number(minute) > 59 || Number(zoneHour) > 23 || Number(zoneMinute) > 59) return undefined;
  const away = (zone.startsWith("-") ? -1 : 1) * (60 * Number(zoneHour) + Number(zoneMinute));
  const ms = day + 60_000 * (60 * Number(hour) + Number(minute) - away) + 1000 * Number(second);
  const isLeap = Number(second) === 60 && new Date(ms).toISOString().endsWith("-01T00:00:00.000Z");
  if (Number(second) > 59 && !isLeap) return undefined;
  if (ms < Date.parse("0000-01-01T00:00:00Z") || ms > Date.parse("9999-12-31T23:59:59Z")) return undefined;
  return BigInt(ms) * MILLION + BigInt(fraction.slice(1).padEnd(9, "0"));
}

function isInWindow(tsNs: bigint, nowNs: bigint): boolean {
  const nowMs = Number(nowNs / MILLION);
  const first = new Date(nowMs);
  first.setUTCMonth(first.getUTCMonth() - 1);
  // The month before has no such day: the date has run over into this one.
  if (first.getUTCDate() !== new Date(nowMs).getUTCDate()) first.setUTCDate(0);
  const rest = nowNs % MILLION;
  return tsNs >= BigInt(first.getTime()) * MILLION + rest && tsNs <= BigInt(nowMs + 3_600_000) * MILLION + rest;
}

function isUuid(value: SlowValue | undefined): value is string {
  return typeof value === "string" && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value);
}

function isWord(value: SlowValue | undefined, lengthMax: number): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= lengthMax;
}

function isObject(value: SlowValue | undefined): value is Members {
  return value instanceof Map;
}
