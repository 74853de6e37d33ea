/** Entries of the stream, whatever they are: the reader says what a slow model of it says. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readEntry } from "#actors/domain/events/entry.ts";
import { eventWindow } from "#actors/domain/events/event-window.ts";
import { parseRfc3339 } from "#actors/domain/time-ns.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { BOUNDS, goodEnvelope, goodEvent, NOW, verdictOf } from "#test/actors/domain/events/entry-kit.ts";
import { entryModel } from "#test/actors/domain/events/entry-model.ts";
import { entryTexts, pads } from "#test/actors/domain/events/entry-texts.ts";
import { hostileTexts, jsonTexts, objectText } from "#test/actors/domain/events/json-texts.ts";
import { readJson } from "#test/actors/domain/events/slow-json.ts";
import { mutate } from "#test/fuzz/mutate.ts";

const nowNs = parseRfc3339(NOW) ?? 0n;
const model = (text: string): unknown => entryModel(text, { nowNs, sizeBytesMax: BOUNDS.sizeBytesMax });

describe("entries: reading", () => {
  it("agrees with the model on what producers write, good and bad", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(entryTexts, (text) => {
        const verdict = verdictOf(readEntry(text, BOUNDS));
        assert.deepEqual(verdict, model(text));
        const what = typeof verdict === "string" ? verdict : String((verdict as { kind: unknown }).kind);
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }),
      { numRuns: 1000 },
    );
    for (const what of ["lean", "legacy", "notice", "bad_event_json", "bad_envelope", "ts_out_of_range"]) {
      assert((seen.get(what) ?? 0) >= 10, `${what} was seen: ${JSON.stringify([...seen])}`);
    }
  });

  it("agrees with the model on good entries that were changed", () => {
    const seeds = [goodEvent(), goodEvent({ tags: [] }), goodEnvelope(), goodEnvelope({ type: "heartbeat" })].map(
      (text) => new Uint8Array(Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = seededRandom(seed);
        const [one, other] = [seeds[random.below(4)], seeds[random.below(4)]];
        assert(one !== undefined && other !== undefined);
        const text = Buffer.from(mutate(one, other, random)).toString();

        assert.deepEqual(verdictOf(readEntry(text, BOUNDS)), model(text));
      }),
      { numRuns: 1000 },
    );
  });

  it("agrees with the model on any JSON, and on any text", () => {
    const texts = fc.oneof(
      hostileTexts,
      fc.json(),
      fc.array(fc.nat(0xffff)).map((codes) => String.fromCharCode(...codes)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        assert.deepEqual(verdictOf(readEntry(text, BOUNDS)), model(text));
      }),
      { numRuns: 200 },
    );
  });
});

describe("entries: their payload", () => {
  it("is what came, to the last digit, with all that is twice or escaped in it", () => {
    fc.assert(
      fc.property(jsonTexts, pads, (payload, space) => {
        fc.pre(payload.trim() !== "null");
        const text = objectText(
          [
            ["payload", "1"],
            ["event_id", '"01990b4e-7b1c-7c3a-9b1a-0a1b2c3d4e5f"'],
            ["ts", `"${NOW}"`],
            ["pay\\u006coad", payload],
            ["subject_id", '"5d0f6c1e-8a3b-4c2d-9e1f-0a1b2c3d4e5f"'],
            ["x", '{"payload":2}'],
          ],
          space,
        );

        const read = readEntry(text, BOUNDS);

        assert(read.ok && read.value.kind === "lean", text);
        assert.equal(read.value.payload, payload.trim());
        assert.deepEqual(readJson(read.value.payload), readJson(payload));
      }),
      { numRuns: 300 },
    );
  });
});

describe("entries: their time", () => {
  it("is within a month of the calendar before now and an hour after it, to the nanosecond", () => {
    const cases = [
      [NOW, "2026-10-23T08:00:00Z", "2026-11-23T09:00:00Z"],
      ["2026-05-15T08:00:00Z", "2026-04-15T08:00:00Z", "2026-05-15T09:00:00Z"],
      ["2026-03-31T12:00:00.5Z", "2026-02-28T12:00:00.5Z", "2026-03-31T13:00:00.5Z"],
      ["2028-03-31T23:30:00.000000001Z", "2028-02-29T23:30:00.000000001Z", "2028-04-01T00:30:00.000000001Z"],
    ] as const;
    for (const [now, first, last] of cases) {
      const [nowMoment = 0n, firstNs = 0n, lastNs = 0n] = [now, first, last].map((text) => parseRfc3339(text) ?? 0n);
      const window = eventWindow(nowMoment);
      assert.deepEqual(window, { firstNs, lastNs });
      for (const [ns, problem] of [
        [firstNs - 1n, "too-old"],
        [firstNs, undefined],
        [lastNs, undefined],
        [lastNs + 1n, "too-new"],
      ] as const) {
        const read = readEntry(goodEvent({ ts: textOf(ns) }), { ...BOUNDS, window });
        const failure = { code: "event.refused", reason: "ts_out_of_range", problem };
        if (problem !== undefined) assert.deepEqual(read, { ok: false, failure });
        else assert(read.ok && read.value.kind === "lean" && read.value.tsNs === ns);
      }
    }
  });

  /** Of a moment after 1970, with nine digits. */
  function textOf(ns: bigint): string {
    const whole = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
    return `${whole}.${String(ns % 1_000_000_000n).padStart(9, "0")}Z`;
  }
});
