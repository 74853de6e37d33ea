/** Moments to the nanosecond: against `Date` where it reaches, and by hand where it does not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatRfc3339, monthBefore, parseRfc3339 } from "#actors/domain/time-ns.ts";
import { Defect } from "#runtime/errors.ts";

const FIRST_MS = Date.parse("0000-01-01T00:00:00.000Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");
const moments = fc.oneof(
  fc.integer({ min: FIRST_MS, max: LAST_MS }),
  fc.integer({ min: -(10 ** 12), max: 4 * 10 ** 12 }),
  fc.constantFrom(FIRST_MS, -1, 0, 1, LAST_MS),
);
const nanoseconds = fc.tuple(moments, fc.integer({ min: 0, max: 999_999 })).map(([ms, ns]) => nsOf(ms) + BigInt(ns));

function nsOf(ms: number): bigint {
  return BigInt(ms) * 1_000_000n;
}

const two = (count: number): string => String(count).padStart(2, "0");

describe("moments: reading RFC 3339", () => {
  it("agrees with Date on milliseconds, whatever the offset", () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: -1439, max: 1439 }), (ms, offsetMinutes) => {
        const local = ms + offsetMinutes * 60_000;
        fc.pre(local >= FIRST_MS && local <= LAST_MS);
        const sign = offsetMinutes < 0 ? "-" : "+";
        const away = Math.abs(offsetMinutes);
        const offset = `${sign}${two(Math.floor(away / 60))}:${two(away % 60)}`;
        const text = new Date(local).toISOString().replace("Z", offset);

        assert.equal(parseRfc3339(text), nsOf(ms));
        assert.equal(Date.parse(text), ms);
      }),
      { numRuns: 500 },
    );
  });

  it("takes exactly the days of the calendar", () => {
    for (const year of [0, 1, 4, 99, 100, 400, 1582, 1900, 1969, 1970, 2000, 2023, 2024, 2100, 9999]) {
      for (let month = 0; month <= 13; month += 1) {
        for (let day = 0; day <= 32; day += 1) {
          const date = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
          const ms = Date.parse(`${date}T00:00:00Z`);
          const isDay = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
          assert.equal(parseRfc3339(`${date}T00:00:00Z`), isDay ? nsOf(ms) : undefined, date);
        }
      }
    }
  });

  it("takes one to nine digits of a fraction, and keeps each", () => {
    const base = parseRfc3339("2026-11-23T08:00:00Z");
    assert(base !== undefined);
    const cases: readonly (readonly [string, bigint | undefined])[] = [
      ["", 0n],
      [".1", 100_000_000n],
      [".01", 10_000_000n],
      [".123456789", 123_456_789n],
      [".000000001", 1n],
      [".999999999", 999_999_999n],
      [".", undefined],
      [".1234567890", undefined],
      [",5", undefined],
    ];
    for (const [fraction, ns] of cases) {
      const expected: bigint | undefined = ns === undefined ? undefined : base + ns;
      assert.equal(parseRfc3339(`2026-11-23T08:00:00${fraction}Z`), expected, fraction);
      assert.equal(parseRfc3339(`2026-11-23T13:30:00${fraction}+05:30`), expected, fraction);
    }
    assert.equal(parseRfc3339("1969-12-31T23:59:59.999999999Z"), -1n);
    assert.equal(parseRfc3339("2026-11-23T08:00:00.5Z"), 1_795_420_800_500_000_000n);
  });

  it("takes a leap second at the end of a month of UTC, as the second after it", () => {
    const [after, half] = [parseRfc3339("2017-01-01T00:00:00Z"), parseRfc3339("2017-01-01T00:00:00.5Z")];

    assert.equal(parseRfc3339("2016-12-31T23:59:60Z"), after);
    assert.equal(parseRfc3339("2016-12-31T23:59:60.5Z"), half);
    assert.equal(parseRfc3339("2016-12-31T15:59:60-08:00"), after);
    assert.equal(parseRfc3339("2017-01-01T05:29:60+05:30"), after);
    assert.notEqual(parseRfc3339("2026-04-30T23:59:60Z"), undefined);
    const elsewhere = ["2016-12-30T23:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T23:59:60+01:00"];
    for (const text of [...elsewhere, "2016-12-31T23:59:61Z", "9999-12-31T23:59:60Z"]) {
      assert.equal(parseRfc3339(text), undefined, text);
    }
  });

  it("keeps to the years of four digits, behind the offset as well", () => {
    assert.equal(parseRfc3339("0000-01-01T00:00:00Z"), nsOf(FIRST_MS));
    assert.equal(parseRfc3339("0000-01-01T00:00:00-00:01"), nsOf(FIRST_MS + 60_000));
    assert.equal(parseRfc3339("9999-12-31T23:59:59.999999999Z"), nsOf(LAST_MS) + 999_999n);
    const outside = ["0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"];
    for (const text of [...outside, "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "+002026-01-01T00:00:00Z"]) {
      assert.equal(parseRfc3339(text), undefined, text);
    }
  });

  it("reads t and z as T and Z, and -00:00 as Z", () => {
    const ns = parseRfc3339("2026-11-23T08:00:00Z");
    for (const text of ["2026-11-23t08:00:00z", "2026-11-23T08:00:00-00:00", "2026-11-23T08:00:00+00:00"]) {
      assert.equal(parseRfc3339(text), ns, text);
    }
  });

  it("refuses every other way to write a moment", () => {
    const others = [
      "",
      "2026-11-23",
      "2026-11-23T08:00Z",
      "2026-11-23T08:00:00",
      "2026-11-23 08:00:00Z",
      "2026-11-23T08:00:00Z ",
      "2026-11-23T08:00:00Z\n",
      " 2026-11-23T08:00:00Z",
      "20261123T080000Z",
      "2026-1-23T08:00:00Z",
      "2026-11-23T24:00:00Z",
      "2026-11-23T08:60:00Z",
      "2026-11-23T08:00:00+0530",
      "2026-11-23T08:00:00+05",
      "2026-11-23T08:00:00+24:00",
      "2026-11-23T08:00:00-05:60",
      "2026-11-23T08:00:00ZZ",
      "2026-11-23T08:00:00 UTC",
      "२०२६-११-२३T०८:००:००Z",
      "Mon, 23 Nov 2026 08:00:00 GMT",
      "1795420800",
    ];
    for (const text of others) assert.equal(parseRfc3339(text), undefined, text);
  });
});

describe("moments: writing RFC 3339", () => {
  it("is read back as the same moment, and has no digit too many", () => {
    fc.assert(
      fc.property(nanoseconds, (ns) => {
        const text = formatRfc3339(ns);
        assert.equal(parseRfc3339(text), ns);
        assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/);
      }),
    );
  });

  it("agrees with Date on milliseconds", () => {
    fc.assert(
      fc.property(moments, (ms) => {
        const shortest = new Date(ms).toISOString().replace(/\.?0*Z$/, "Z");
        // Where there is no fraction the zeros are those of the seconds.
        const expected = ms % 1000 === 0 ? new Date(ms).toISOString().replace(".000Z", "Z") : shortest;
        assert.equal(formatRfc3339(nsOf(ms)), expected);
      }),
    );
  });

  it("has no moment outside of the years of four digits", () => {
    assert.equal(formatRfc3339(nsOf(FIRST_MS)), "0000-01-01T00:00:00Z");
    assert.equal(formatRfc3339(nsOf(LAST_MS) + 999_999n), "9999-12-31T23:59:59.999999999Z");
    assert.throws(() => formatRfc3339(nsOf(FIRST_MS) - 1n), Defect);
    assert.throws(() => formatRfc3339(nsOf(LAST_MS) + 1_000_000n), Defect);
  });
});

describe("moments: the month before", () => {
  it("has the same day and time, or its last day", () => {
    const cases = [
      ["2026-03-31T12:00:00.000000001Z", "2026-02-28T12:00:00.000000001Z"],
      ["2028-03-30T00:00:00Z", "2028-02-29T00:00:00Z"],
      ["2028-03-29T23:59:59.999999999Z", "2028-02-29T23:59:59.999999999Z"],
      ["2026-01-15T00:00:00Z", "2025-12-15T00:00:00Z"],
      ["2026-12-31T06:00:00Z", "2026-11-30T06:00:00Z"],
      ["1970-01-01T00:00:00.5Z", "1969-12-01T00:00:00.5Z"],
      ["1969-12-31T23:59:59.999999999Z", "1969-11-30T23:59:59.999999999Z"],
    ] as const;
    for (const [now, before] of cases) assert.equal(formatRfc3339(monthBefore(ns(now))), before);
  });

  it("is what Date makes of it, when it is asked for the last day that there is", () => {
    fc.assert(
      fc.property(moments, (ms) => {
        fc.pre(ms > FIRST_MS + 32 * 86_400_000);
        const date = new Date(ms);
        const asked = date.getUTCDate();
        date.setUTCMonth(date.getUTCMonth() - 1);
        // It runs over into the month that it came from.
        if (date.getUTCDate() !== asked) date.setUTCDate(0);
        assert.equal(monthBefore(nsOf(ms)), nsOf(date.getTime()));
      }),
    );
  });

  function ns(text: string): bigint {
    const parsed = parseRfc3339(text);
    assert(parsed !== undefined, text);
    return parsed;
  }
});
