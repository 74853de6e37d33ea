/** Envelopes of protocol 0.1.0: what is taken, what is refused and why, and how they are told from lean events. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readEntry } from "#actors/domain/events/entry.ts";
import { type LegacyEvent, SOURCE_LENGTH_MAX, SYMBOL_LENGTH_MAX } from "#actors/domain/events/legacy-envelope.ts";
import { BOUNDS, goodEnvelope, goodEvent } from "#test/actors/domain/events/entry-kit.ts";

function legacy(text: string): LegacyEvent {
  const read = readEntry(text, BOUNDS);
  assert(read.ok && read.value.kind === "legacy", text);
  return read.value;
}

/** The reason and what is wrong, or the kind of what is good. */
function verdict(text: string): string {
  const read = readEntry(text, BOUNDS);
  return read.ok ? read.value.kind : `${read.failure.reason}: ${read.failure.problem}`;
}

describe("envelopes: reading", () => {
  it("gives the ULID's bits as event_id, the time in nanoseconds, subject, schema and tags, and all of data", () => {
    const { payload, ...said } = legacy(goodEnvelope());

    assert.deepEqual(said, {
      kind: "legacy",
      eventId: "01927e0a-7c6d-0486-c1d5-0c2393c37cf7",
      tsNs: 1_795_420_799_000_001_000n,
      subjectKey: "binance/BTCUSDT",
      schemaName: "fdc-0.1.0/trade",
      tags: [
        { key: "core.source", value: "binance" },
        { key: "core.symbol", value: "BTCUSDT" },
      ],
    });
    assert.equal(payload, JSON.stringify(JSON.parse(goodEnvelope()).data));
  });

  it("loses no digit of data, whatever else is in it", () => {
    const price =
      '{"kind":"quote","source":"a","symbol":"b","payload":{"bid":1.10,"ask":12345678901234567890}, "x":null}';
    const text = goodEnvelope({ data: "HERE" }).replace('"HERE"', () => price);
    assert.equal(legacy(text).payload, price);
  });

  it("tells apart the types that hold no event, whatever their data is", () => {
    for (const type of ["heartbeat", "control", "ack", "error"]) {
      for (const data of [undefined, null, 7, {}]) {
        const read = readEntry(goodEnvelope({ type, data, ts: 0 }), BOUNDS);
        assert.deepEqual(read, { ok: true, value: { kind: "notice", type } });
      }
    }
  });

  it("refuses what is malformed", () => {
    const cases: readonly (readonly [string, string])[] = [
      [goodEnvelope({ version: "0.1.1" }), "bad-version"],
      [goodEnvelope({ version: 0.1 }), "bad-version"],
      [goodEnvelope({ version: undefined }), "bad-version"],
      [goodEnvelope({ type: undefined }), "bad-type"],
      [goodEnvelope({ type: "event" }), "bad-type"],
      [goodEnvelope({ type: ["data"] }), "bad-type"],
      [goodEnvelope({ id: undefined }), "bad-id"],
      [goodEnvelope({ id: "81J9Z0MZ3D0J3C3N8C4E9W6Z7Q" }), "bad-id"],
      [goodEnvelope({ id: "01990b4e-7b1c-7c3a-9b1a-0a1b2c3d4e5f" }), "bad-id"],
      [goodEnvelope({ type: "heartbeat", id: "x" }), "bad-id"],
      [goodEnvelope({ ts: undefined }), "bad-ts"],
      [goodEnvelope({ ts: "2026-11-23T08:00:00Z" }), "bad-ts"],
      [goodEnvelope({ ts: 1_795_420_799_000_000.5 }), "bad-ts"],
      [goodEnvelope({ ts: 1_795_420_799_000_001_000 }), "bad-ts"],
      [goodEnvelope({ data: undefined }), "bad-data"],
      [goodEnvelope({ data: null }), "bad-data"],
      [goodEnvelope({ data: [] }), "bad-data"],
      [goodEnvelope({}, { kind: "tick" }), "bad-kind"],
      [goodEnvelope({}, { kind: undefined }), "bad-kind"],
      [goodEnvelope({}, { source: "" }), "bad-source"],
      [goodEnvelope({}, { source: "a/b" }), "bad-source"],
      [goodEnvelope({}, { source: 7 }), "bad-source"],
      [goodEnvelope({}, { symbol: "" }), "bad-symbol"],
      [goodEnvelope({}, { symbol: undefined }), "bad-symbol"],
    ];
    for (const [text, problem] of cases) assert.equal(verdict(text), `bad_envelope: ${problem}`, text);
  });

  it("is told from what could not be stored only after that", () => {
    const deep = "[".repeat(128) + "]".repeat(128);
    assert.equal(verdict(goodEnvelope({}, { symbol: "a\0b" })), "bad_event_json: not-storable");
    assert.equal(verdict(goodEnvelope({}, { payload: "\ud800" })), "bad_event_json: not-storable");
    assert.equal(verdict(goodEnvelope({ x: 7 }).replace("7}", "1e401}")), "bad_event_json: number-out-of-range");
    assert.equal(verdict(goodEnvelope({ type: "ack", x: 7 }).replace("7}", `${deep}}`)), "bad_event_json: too-deep");
  });

  it("bounds source and symbol; a symbol may have slashes", () => {
    const [source, symbol] = ["s".repeat(SOURCE_LENGTH_MAX), "/".repeat(SYMBOL_LENGTH_MAX)];

    assert.equal(legacy(goodEnvelope({}, { source, symbol })).subjectKey, `${source}/${symbol}`);
    assert.equal(verdict(goodEnvelope({}, { source: `${source}s` })), "bad_envelope: bad-source");
    assert.equal(verdict(goodEnvelope({}, { symbol: `${symbol}/` })), "bad_envelope: bad-symbol");
  });

  it("holds its time to the same window, to the microsecond", () => {
    const firstUs = Date.parse("2026-10-23T08:00:00Z") * 1000;
    const lastUs = Date.parse("2026-11-23T09:00:00Z") * 1000;
    assert.equal(verdict(goodEnvelope({ ts: firstUs - 1 })), "ts_out_of_range: too-old");
    assert.equal(verdict(goodEnvelope({ ts: firstUs })), "legacy");
    assert.equal(verdict(goodEnvelope({ ts: lastUs })), "legacy");
    assert.equal(verdict(goodEnvelope({ ts: lastUs + 1 })), "ts_out_of_range: too-new");
    for (const ts of [0, -1, Number.MIN_SAFE_INTEGER]) {
      assert.equal(verdict(goodEnvelope({ ts })), "ts_out_of_range: too-old");
    }
  });
});

describe("entries: which protocol they speak", () => {
  it("is lean v1 as soon as a member of it is there, with whatever else", () => {
    const { event_id, subject_id, payload } = JSON.parse(goodEvent());
    const envelope = JSON.parse(goodEnvelope());

    assert.equal(verdict(JSON.stringify({ ...envelope, ...JSON.parse(goodEvent()) })), "lean");
    for (const member of [{ event_id }, { subject_id }, { payload }, { payload: null }]) {
      assert.match(verdict(JSON.stringify({ ...envelope, ...member })), /^bad_event_json: /);
    }
  });

  it("is 0.1.0 where only members of that are there, in part or whole", () => {
    const { version, type, id, ts, data } = JSON.parse(goodEnvelope());
    for (const member of [{ version }, { type }, { id }, { data }, { type, id, ts, data }]) {
      assert.match(verdict(JSON.stringify(member)), /^bad_envelope: /);
    }
    assert.equal(verdict(JSON.stringify({ ts })), "bad_event_json: bad-event-id");
  });
});
