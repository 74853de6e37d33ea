/** Entries as producers write them: most of them good, each part of one once in a while something else. */
import fc from "fast-check";
import { NOW } from "#test/actors/domain/events/entry-kit.ts";
import { hostileTexts, jsonTexts, objectText } from "#test/actors/domain/events/json-texts.ts";

type Texts = fc.Arbitrary<string>;

export const pads: Texts = fc.constantFrom("", " ", "\r\n\t");

const quoted = (texts: Texts): Texts => texts.map((text) => JSON.stringify(text));
const mostly = (good: Texts, other: Texts = jsonTexts): Texts =>
  fc.oneof({ weight: 29, arbitrary: good }, { weight: 1, arbitrary: other });
const digits = (set: string, length: number): Texts =>
  fc.string({ unit: fc.constantFrom(...set), minLength: length, maxLength: length });

const hex = "0123456789abcdefABCDEF";
const uuids = fc.tuple(...[8, 4, 4, 4, 12].map((length) => digits(hex, length))).map((parts) => parts.join("-"));
const ulids = fc.tuple(digits("01234567", 1), digits("0189AJZaz", 25)).map((parts) => parts.join(""));
const words = mostly(
  fc.oneof(fc.string({ minLength: 1, maxLength: 5 }), fc.constantFrom("core.symbol", "BTC-USDT", "💱")),
  fc.constantFrom("", "BTC/USDT"),
);
const payloads = mostly(jsonTexts, hostileTexts);

/** From now; most of it in the window. */
const seconds = fc.integer({ min: -38 * 86_400, max: 7200 });
const times = mostly(
  fc.tuple(seconds, fc.integer({ min: 0, max: 999_999_999 })).map(([away, ns]) => {
    const whole = new Date(Date.parse(NOW) + 1000 * away).toISOString().slice(0, 19);
    return `${whole}.${String(ns).padStart(9, "0")}Z`;
  }),
  fc.constantFrom("2026-11-23T13:30:00+05:30", "2026-10-31T23:59:60z", "2026-11-31T00:00:00Z", "now"),
);
const microseconds = seconds.map((away) => `${Date.parse(NOW) / 1000 + away}000007`);
const tags = fc.array(fc.record({ key: words, value: words }, { noNullPrototype: true }), { maxLength: 4 });

const leanMembers = fc.record({
  event_id: mostly(quoted(uuids)),
  ts: mostly(quoted(times)),
  subject_id: mostly(quoted(uuids)),
  payload: payloads,
  tags: mostly(tags.map((list) => JSON.stringify(list))),
});

const kinds = mostly(fc.constantFrom("trade", "quote", "orderbook", "ohlc", "status"), fc.constant("tick"));
const data = fc
  .record({ kind: quoted(kinds), source: quoted(words), payload: payloads, symbol: quoted(words), pad: pads })
  .map(({ pad, ...members }) => objectText(Object.entries(members), pad));
const envelopeMembers = fc.record({
  version: mostly(fc.constant('"0.1.0"'), fc.constantFrom('"0.1.1"', "null")),
  type: mostly(fc.constantFrom(...Array<string>(9).fill('"data"'), '"heartbeat"', '"ack"'), fc.constant('["data"]')),
  id: mostly(quoted(ulids)),
  ts: mostly(microseconds),
  data: mostly(data),
});

/** Of other names, of names there are already, and of those of the other protocol. */
const extraMembers = fc.array(
  fc.tuple(fc.constantFrom("x", "payload", "data", "ts", "version", "\\u0070ayload", "d\\u0061ta"), jsonTexts),
  { maxLength: 2 },
);

/** In any order, a member left out now and then. */
export const entryTexts: Texts = fc
  .tuple(
    fc.oneof(leanMembers, envelopeMembers),
    extraMembers,
    fc.array(fc.nat(99), { minLength: 8, maxLength: 8 }),
    pads,
  )
  .map(([members, extra, draws, pad]) => {
    const [isExtended = 0, ...places] = draws;
    const all = [...Object.entries(members), ...(isExtended < 20 ? extra : [])];
    const placed = all.map((member, at) => ({ member, place: places[at] ?? 0 })).filter(({ place }) => place > 0);
    const inOrder = placed.toSorted((one, other) => one.place - other.place);
    return objectText(
      inOrder.map(({ member }) => member),
      pad,
    );
  });
