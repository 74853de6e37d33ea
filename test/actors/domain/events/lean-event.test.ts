/** Lean events, one thing at a time: what is taken, what is refused and why, and both sides of every bound. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readEntry } from "#actors/domain/events/entry.ts";
import {
  type EventProblem,
  TAG_KEY_LENGTH_MAX,
  TAG_VALUE_LENGTH_MAX,
  TAGS_MAX,
  type Tag,
} from "#actors/domain/events/event.ts";
import { ENTRY_DEPTH_MAX, NUMBER_EXPONENT_MAX, NUMBER_LENGTH_MAX } from "#actors/domain/events/json-parts.ts";
import type { LeanEvent } from "#actors/domain/events/lean-event.ts";
import { MiB } from "#runtime/units.ts";
import { BOUNDS, goodEvent } from "#test/actors/domain/events/entry-kit.ts";

const ROOMY = { ...BOUNDS, sizeBytesMax: 1 * MiB };

function lean(text: string): LeanEvent {
  const read = readEntry(text, ROOMY);
  assert(read.ok && read.value.kind === "lean", text);
  return read.value;
}

function refused(text: string): EventProblem {
  const read = readEntry(text, ROOMY);
  assert(!read.ok, text);
  assert.equal(read.failure.reason, "bad_event_json");
  return read.failure.problem;
}

/** The event with the text `payload` as its payload. */
function withPayload(payload: string): string {
  return goodEvent({ payload: "HERE" }).replace('"HERE"', () => payload);
}

/** As a literal whose last character is an escape. */
function escaped(name: string): string {
  return `"${name.slice(0, -1)}\\u00${Buffer.from(name).subarray(-1).toString("hex")}"`;
}

function tags(count: number, tag: Tag = { key: "k", value: "v" }): readonly Tag[] {
  return Array<Tag>(count).fill(tag);
}

describe("lean events: reading", () => {
  it("gives ids in lower case, time in nanoseconds, the payload's text and the tags", () => {
    const text = goodEvent({
      event_id: "01990B4E-7B1C-7C3A-9B1A-0A1B2C3D4E5F",
      payload: { price: 1 },
      module: "members of other names are ignored",
    });

    assert.deepEqual(lean(text), {
      kind: "lean",
      eventId: "01990b4e-7b1c-7c3a-9b1a-0a1b2c3d4e5f",
      tsNs: 1_795_420_799_123_456_789n,
      subjectId: "5d0f6c1e-8a3b-4c2d-9e1f-0a1b2c3d4e5f",
      payload: '{"price":1}',
      tags: [{ key: "core.symbol", value: "AAPL" }],
    });
  });

  it("keeps every digit of the payload, and every kind of value but null", () => {
    const values = ["1.0", "0.10", "12345678901234567890123456789", "-0", "1e-7", "{}", "[]", '""', "false", "0"];
    for (const payload of [...values, '{ "b" : 1 ,\n"a":1.50, "a":[ ] }']) {
      assert.equal(lean(withPayload(payload)).payload, payload);
    }
    assert.equal(refused(withPayload("null")), "no-payload");
    assert.equal(refused(goodEvent({ payload: undefined })), "no-payload");
  });

  it("takes the last of members that are there twice, for the check as for the payload", () => {
    const twice = goodEvent().replace("{", '{"payload":{"price":1},"event_id":7,"tags":0,');
    assert.equal(lean(twice).payload, lean(goodEvent()).payload);
    assert.equal(refused(goodEvent().replace(/\}$/, ',"payload":null}')), "no-payload");
    assert.equal(refused(goodEvent().replace(/\}$/, ',"event\\u005fid":"x"}')), "bad-event-id");
    assert.equal(lean(goodEvent().replace(/\}$/, ',"pa\\u0079load" : 7 }')).payload, "7");
  });

  it("reads names with escapes rightly, also where the library does not (nodejs/node#63785)", () => {
    const expected = lean(goodEvent());
    const { tags: _, ...members } = JSON.parse(goodEvent());
    for (const name of ["event_id", "ts", "subject_id", "payload"]) {
      const { [name]: value, ...others } = JSON.parse(goodEvent());
      // It takes a name for the one that came in this place before, among as many, if it begins alike with a backslash at its end.
      JSON.parse(`{"before_${name}":0,"${name.slice(0, -1)}\\\\":0,"a":0,"b":0,"c":0,"d":0}`);
      const text = `{"before_${name}":0,${escaped(name)}:${JSON.stringify(value)},${JSON.stringify(others).slice(1)}`;
      assert.deepEqual(lean(text), expected);
    }
    JSON.parse('{"before_key":0,"ke\\\\":0,"a":0}');
    const tag = `{"before_key":0,${escaped("key")}:"core.symbol","value":"AAPL"}`;
    assert.deepEqual(lean(`${JSON.stringify(members).slice(0, -1)},"tags":[${tag}]}`), expected);
  });

  it("refuses an id or a time that is none", () => {
    for (const bad of [undefined, null, 7, "", "x", ["01990b4e-7b1c-7c3a-9b1a-0a1b2c3d4e5f"]]) {
      assert.equal(refused(goodEvent({ event_id: bad })), "bad-event-id");
      assert.equal(refused(goodEvent({ subject_id: bad })), "bad-subject-id");
      assert.equal(refused(goodEvent({ ts: bad })), "bad-ts");
    }
    assert.equal(refused(goodEvent({ ts: 1_795_420_799 })), "bad-ts");
    assert.equal(refused(goodEvent({ ts: "2026-11-31T00:00:00Z" })), "bad-ts");
  });
});

describe("lean events: tags", () => {
  it("may be missing, null or none", () => {
    for (const none of [undefined, null, []]) assert.deepEqual(lean(goodEvent({ tags: none })).tags, []);
  });

  it("are pairs of texts, with members of other names ignored", () => {
    const said = [{ key: "a", value: "b", weight: 1 }];
    assert.deepEqual(lean(goodEvent({ tags: said })).tags, [{ key: "a", value: "b" }]);
    const bad = [{}, "x", 0, { a: 1 }, [null], ["a"], [["a", "b"]], [{ key: "a" }], [{ value: "b" }]];
    const empty = [[{ key: "", value: "b" }], [{ key: "a", value: "" }], [{ key: "a", value: 1 }], [...said, {}]];
    for (const tag of [...bad, ...empty]) assert.equal(refused(goodEvent({ tags: tag })), "bad-tags");
  });

  it("are bounded in number and length", () => {
    const longest = { key: "k".repeat(TAG_KEY_LENGTH_MAX), value: "v".repeat(TAG_VALUE_LENGTH_MAX) };

    assert.deepEqual(lean(goodEvent({ tags: tags(TAGS_MAX, longest) })).tags, tags(TAGS_MAX, longest));
    assert.equal(refused(goodEvent({ tags: tags(TAGS_MAX + 1) })), "bad-tags");
    assert.equal(refused(goodEvent({ tags: tags(1, { ...longest, key: `${longest.key}k` }) })), "bad-tags");
    assert.equal(refused(goodEvent({ tags: tags(1, { ...longest, value: `${longest.value}v` }) })), "bad-tags");
  });

  it("fit an entry of an index of Postgres at their longest", () => {
    const longest = "€".repeat(TAG_KEY_LENGTH_MAX + TAG_VALUE_LENGTH_MAX);
    assert.equal(Buffer.byteLength(longest), 1920);
  });
});

describe("lean events: what Postgres could not store", () => {
  it("is refused, wherever it is in the text", () => {
    const strings = [
      "\\u0000",
      "\\ud83d",
      "\\ude00",
      "\\ude00\\ud83d",
      "\\ud83dx\\ude00",
      "\\\\\\u0000",
      "\\uD83D\\uD83D",
    ];
    for (const text of strings) {
      assert.equal(refused(withPayload(`"${text}"`)), "not-storable", text);
      assert.equal(refused(withPayload(`{"${text}":[]}`)), "not-storable", text);
      assert.equal(refused(goodEvent({ x: "HERE" }).replace("HERE", () => text)), "not-storable", text);
      assert.equal(refused(goodEvent().replace("AAPL", () => text)), "not-storable", text);
    }
    assert.equal(refused(withPayload('"\ud83d"')), "not-storable");
  });

  it("is not what only looks like it", () => {
    const strings = [
      "\\\\u0000",
      "\\\\ud83d",
      "\\ud83d\\ude00",
      "\\uD83D\\uDE00\\ud83d\\ude00",
      "\\u0001",
      "😀",
      "\\u00000".slice(1),
    ];
    for (const text of strings) assert.equal(lean(withPayload(`"${text}"`)).payload, `"${text}"`);
    for (const text of ["1e999", "[[[[", "1e-999", "\\u005b"]) lean(withPayload(`"${text.repeat(200)}"`));
  });

  it("is what is nested too deep, the event itself being the first level", () => {
    const nested = (depth: number, open: string, close: string): string => open.repeat(depth) + close.repeat(depth);

    lean(withPayload(nested(ENTRY_DEPTH_MAX - 1, "[", "]")));
    assert.equal(refused(withPayload(nested(ENTRY_DEPTH_MAX, "[", "]"))), "too-deep");
    lean(withPayload(`${'{"a":'.repeat(ENTRY_DEPTH_MAX - 1)}1${"}".repeat(ENTRY_DEPTH_MAX - 1)}`));
    assert.equal(refused(withPayload(`${'{"a":'.repeat(ENTRY_DEPTH_MAX)}1${"}".repeat(ENTRY_DEPTH_MAX)}`)), "too-deep");
    assert.equal(refused(withPayload(nested(500_000, "[", "]"))), "too-deep");
    lean(withPayload(`[${"[],{},".repeat(ENTRY_DEPTH_MAX)}0]`));
  });

  it("is a number that is too long, or too large or small", () => {
    for (const sign of ["", "-"]) {
      for (const exponent of ["e", "E+", "e-", "e000", "E-00"]) {
        lean(withPayload(`${sign}1.5${exponent}${NUMBER_EXPONENT_MAX}`));
        const past = withPayload(`[0, ${sign}1.5${exponent}${NUMBER_EXPONENT_MAX + 1} ]`);
        assert.equal(refused(past), "number-out-of-range");
      }
      const digits = "9".repeat(NUMBER_LENGTH_MAX - sign.length);
      assert.equal(lean(withPayload(sign + digits)).payload, sign + digits);
      assert.equal(refused(withPayload(`${sign}${digits}0`)), "number-out-of-range");
    }
    assert.equal(refused(withPayload(`1e${"9".repeat(NUMBER_LENGTH_MAX - 2)}`)), "number-out-of-range");
  });
});

describe("entries: what holds no event", () => {
  it("is an empty payload, a text that is too long, or no JSON object", () => {
    const text = goodEvent();
    const sizeBytes = Buffer.byteLength(text);
    const umlauts = goodEvent({ x: "ä" });
    const problem = (payload: string, sizeBytesMax: number): unknown => {
      const read = readEntry(payload, { ...BOUNDS, sizeBytesMax });
      return read.ok ? "good" : [read.failure.reason, read.failure.problem];
    };

    assert.deepEqual(problem("", 9), ["empty_payload", "empty"]);
    assert.equal(problem(text, sizeBytes), "good");
    assert.deepEqual(problem(text, sizeBytes - 1), ["too_large", "too-large"]);
    assert.equal(problem(umlauts, umlauts.length + 1), "good");
    assert.deepEqual(problem(umlauts, umlauts.length), ["too_large", "too-large"]);
    for (const none of [" ", "{", `${text}x`, `\ufeff${text}`, "{'a':1}", "undefined", "NaN", '{"a":01}', '"\u0001"']) {
      assert.deepEqual(problem(none, 999), ["bad_event_json", "not-json"], none);
    }
    for (const other of ["null", "[]", `[${text}]`, '"{}"', "0", "true"]) {
      assert.deepEqual(problem(other, 999), ["bad_event_json", "not-an-object"], other);
    }
    assert.deepEqual(problem("{}", 999), ["bad_event_json", "bad-event-id"]);
  });
});
