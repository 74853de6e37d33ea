/** A section from file, environment and defaults; everything wrong with it at once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseQuantity } from "#runtime/config/quantity.ts";
import { type ConfigSchema, count, durationMs, flag, sizeBytes, text, texts } from "#runtime/config/schema.ts";
import {
  checkSections,
  configProblemsMax,
  configTextLengthMax,
  configTextsMax,
  describeProblem,
  environmentName,
  readSection,
  relationBroken,
} from "#runtime/config/section.ts";
import { parseToml } from "#runtime/config/toml.ts";
import { GiB, KiB, MiB, minute, second } from "#runtime/units.ts";

interface StorageConfig {
  readonly objectSizeBytesMax: number;
  readonly readTimeoutMs: number;
  readonly packCountMax: number;
  readonly relaxed: boolean;
  readonly host: string;
}

const schema: ConfigSchema<StorageConfig> = {
  objectSizeBytesMax: sizeBytes({ default: 1 * GiB, min: 1 * KiB, max: 4 * GiB }),
  readTimeoutMs: durationMs({ default: 5 * second, min: 10, max: 1 * minute }),
  packCountMax: count({ default: 8, min: 1, max: 64 }),
  relaxed: flag(false),
  host: text({ default: "127.0.0.1", pattern: /[a-z0-9.:-]{1,64}/ }),
};

const read = (raw: unknown, environment: Record<string, string> = {}) =>
  readSection(schema, "storage", raw, environment);

/** The sentences about one refused section. */
function sentences(raw: unknown, environment: Record<string, string> = {}): readonly string[] {
  const section = read(raw, environment);
  assert(!section.ok);
  return section.failure.problems.map((problem) => describeProblem("storage", problem));
}

describe("config: readSection", () => {
  it("answers with the defaults where nothing is said, frozen", () => {
    const section = read(undefined);

    assert(section.ok);
    assert.deepEqual(section.value, {
      objectSizeBytesMax: GiB,
      readTimeoutMs: 5000,
      packCountMax: 8,
      relaxed: false,
      host: "127.0.0.1",
    });
    assert(Object.isFrozen(section.value));
  });

  it("reads numbers in the field's unit and strings in their own; the environment wins over the file", () => {
    const section = read(
      { objectSizeBytesMax: "64KiB", readTimeoutMs: 250, packCountMax: "16", relaxed: true, host: "localhost" },
      { CEPA_STORAGE_READ_TIMEOUT_MS: "15s", CEPA_STORAGE_RELAXED: "false", CEPA_STORAGE_HOST: "::1" },
    );

    assert.deepEqual(section, {
      ok: true,
      value: { objectSizeBytesMax: 64 * KiB, readTimeoutMs: 15_000, packCountMax: 16, relaxed: false, host: "::1" },
    });
  });

  it("takes both bounds and refuses one past each, naming setting, value and bounds", () => {
    assert(read({ packCountMax: 1 }).ok && read({ packCountMax: 64 }).ok);
    assert.deepEqual(sentences({ packCountMax: 0 }), ["storage.packCountMax is 0, allowed are 1 to 64"]);
    assert.deepEqual(sentences({ packCountMax: 65 }), ["storage.packCountMax is 65, allowed are 1 to 64"]);
  });

  it("reports every problem of the section at once, with the variable where the environment is to blame", () => {
    const found = sentences(
      { objectSizeBytesMax: "64 parsecs", relaxed: "true", host: "no spaces", object_size_bytes_mx: 3, zzz: 1 },
      { CEPA_STORAGE_READ_TIMEOUT_MS: "1h", CEPA_STORAGE_PACK_COUNT: "3", CEPA_STORAGE_PACK_COUNT_MAX: "1.5" },
    );

    assert.deepEqual(found, [
      'storage.objectSizeBytesMax is "64 parsecs", expected a size in whole bytes (such as 64KiB, 1.5GiB, 10MB)',
      "storage.readTimeoutMs (CEPA_STORAGE_READ_TIMEOUT_MS) is 3600000, allowed are 10 to 60000",
      'storage.packCountMax (CEPA_STORAGE_PACK_COUNT_MAX) is "1.5", expected a whole number (such as 128)',
      'storage.relaxed is "true", expected true or false',
      'storage.host is "no spaces", which does not match /[a-z0-9.:-]{1,64}/',
      "storage.object_size_bytes_mx is not a setting; did you mean objectSizeBytesMax?",
      "storage.zzz is not a setting",
      "storage.pack_count (CEPA_STORAGE_PACK_COUNT) is not a setting; did you mean CEPA_STORAGE_PACK_COUNT_MAX?",
    ]);
  });

  it("bounds how many problems it names", () => {
    const raw = Object.fromEntries(Array.from({ length: configProblemsMax + 1 }, (_, index) => [`x${index}`, 1]));

    assert.equal(sentences(raw).length, configProblemsMax);
  });

  it("refuses a section that is no table, and numbers that are not whole", () => {
    assert.deepEqual(sentences([1]), ["storage is a list, expected a table"]);
    assert.deepEqual(sentences({ packCountMax: 1.5 }), [
      "storage.packCountMax is 1.5, expected a whole number (such as 128)",
    ]);
    assert.deepEqual(sentences({ packCountMax: 1e300, readTimeoutMs: -5 }), [
      "storage.readTimeoutMs is -5, allowed are 10 to 60000",
      "storage.packCountMax is 1e+300, allowed are 1 to 64",
    ]);
  });

  it("takes a text of the greatest length and refuses one character more", () => {
    const long: ConfigSchema<{ readonly host: string }> = { host: text({ default: "", pattern: /a*/ }) };

    assert(readSection(long, "x", { host: "a".repeat(configTextLengthMax) }, {}).ok);
    assert.equal(readSection(long, "x", { host: "a".repeat(configTextLengthMax + 1) }, {}).ok, false);
  });

  it("matches a pattern against the whole value, whatever its flags and alternatives", () => {
    const either: ConfigSchema<{ readonly mode: string }> = { mode: text({ default: "a", pattern: /a|b/g }) };

    assert(readSection(either, "x", { mode: "b" }, {}).ok);
    assert(readSection(either, "x", { mode: "b" }, {}).ok);
    assert.equal(readSection(either, "x", { mode: "ab" }, {}).ok, false);
  });

  it("does not take a setting from the prototype", () => {
    assert.deepEqual(read(Object.create({ packCountMax: 2 })), read({}));
    assert.deepEqual(sentences({ constructor: 1 }), ["storage.constructor is not a setting"]);
  });
});

describe("config: a list of texts", () => {
  const lists: ConfigSchema<{ readonly places: readonly string[] }> = {
    places: texts({ default: ["/default"], pattern: /\/[a-z]*/ }),
  };
  const readList = (places: unknown, environment: Record<string, string> = {}) =>
    readSection(lists, "x", places === undefined ? {} : { places }, environment);
  const problem = (places: unknown, environment: Record<string, string> = {}): string => {
    const section = readList(places, environment);
    assert(!section.ok);
    return section.failure.problems.map((each) => describeProblem("x", each)).join("; ");
  };

  it("is the default where nothing is said, what the file has, and frozen", () => {
    const section = readList(["/b", "/a", "/b"]);

    assert.deepEqual(readList(undefined), { ok: true, value: { places: ["/default"] } });
    assert.deepEqual(section, { ok: true, value: { places: ["/b", "/a", "/b"] } });
    assert.deepEqual(readList([]), { ok: true, value: { places: [] } });
    assert(section.ok && Object.isFrozen(section.value.places));
  });

  it("is entries with commas between them in the environment, which wins; nothing is an empty list", () => {
    assert.deepEqual(readList(["/c"], { CEPA_X_PLACES: "/a, /b" }), { ok: true, value: { places: ["/a", "/b"] } });
    assert.deepEqual(readList(["/c"], { CEPA_X_PLACES: " " }), { ok: true, value: { places: [] } });
    assert.equal(
      problem([], { CEPA_X_PLACES: "/a,,/b" }),
      'x.places (CEPA_X_PLACES) is "", which does not match /\\/[a-z]*/',
    );
  });

  it("is not shown where there may be a password in it", () => {
    const secret: ConfigSchema<{ readonly url: string }> = {
      url: text({ default: "", pattern: /redis:\S+/, isSecret: true }),
    };
    const said = (value: unknown): string => {
      const read = readSection(secret, "x", { url: value }, {});
      assert(!read.ok);
      return read.failure.problems.map((problem) => describeProblem("x", problem)).join();
    };

    assert.equal(said("rdis://u:secret@h"), "x.url is a text that is not shown, which does not match /redis:\\S+/");
    assert(!said(["redis://u:secret@h"]).includes("secret"));
    assert(!said("r".repeat(5000)).includes("rr"));
  });

  it("is refused where it is no list, where an entry is no string, and for the first entry that does not match", () => {
    assert.equal(problem("/a"), 'x.places is "/a", expected a list of strings');
    assert.equal(problem(["/a", 1]), "x.places is a list, expected a list of strings");
    assert.equal(problem(["/a", "b", "c"]), 'x.places is "b", which does not match /\\/[a-z]*/');
  });

  it("takes as many entries as there may be, and an entry of the greatest length, and refuses one more", () => {
    const entries = (count: number) => Array.from({ length: count }, () => "/a");

    assert(readList(entries(configTextsMax)).ok);
    assert.equal(
      problem(entries(configTextsMax + 1)),
      `x.places is a list, expected at most ${configTextsMax} strings`,
    );
    assert(readList([`/${"a".repeat(configTextLengthMax - 1)}`]).ok);
    assert.equal(readList([`/${"a".repeat(configTextLengthMax)}`]).ok, false);
  });
});

describe("config: names", () => {
  it("of variables are the section and the setting in upper snake case", () => {
    assert.equal(environmentName("storage", "objectSizeBytesMax"), "CEPA_STORAGE_OBJECT_SIZE_BYTES_MAX");
  });

  it("of sections that nobody reads are refused, with the nearest known one", () => {
    const checked = checkSections({ storage: {}, gatway: {} }, ["storage", "gateway"]);

    assert.deepEqual(checked, {
      ok: false,
      failure: {
        code: "config.invalid",
        section: "",
        problems: [{ kind: "unknown", setting: "gatway", source: "file", nearest: "gateway" }],
      },
    });
    assert(checkSections({ storage: {} }, ["storage", "gateway"]).ok);
  });

  it("is told in a line, however long a name is that somebody wrote", () => {
    const told = (length: number): string =>
      describeProblem("", { kind: "unknown", setting: "x".repeat(length), source: "file" });

    assert.equal(told(200), `${"x".repeat(200)} is not a setting`);
    assert.equal(told(201), `${"x".repeat(200)}… is not a setting`);
  });

  it("of a broken relation is the section's own", () => {
    const broken = relationBroken("storage", "a sweep is rarer than a slow read");

    assert(!broken.ok);
    assert.deepEqual(
      broken.failure.problems.map((problem) => describeProblem("storage", problem)),
      ["storage: a sweep is rarer than a slow read"],
    );
  });
});

describe("config: numbers that are none", () => {
  const toml = (text: string) => {
    const parsed = parseToml("/cepa.toml", Buffer.from(text));
    assert(parsed.ok);
    return parsed.value;
  };

  it("are named as they are written, wherever they stand, before a copy in JSON makes them null", () => {
    const raw = toml("[a]\ncountMax = nan\nwaitMs = inf\n[b]\nsizeBytes = -inf\nlist = [1, {x = +nan}]\n");

    const checked = checkSections(raw, ["a", "b"]);

    assert(!checked.ok);
    assert.deepEqual(
      checked.failure.problems.map((problem) => describeProblem("", problem)),
      [
        "a.countMax is nan, expected a finite number",
        "a.waitMs is inf, expected a finite number",
        "b.sizeBytes is -inf, expected a finite number",
        "b.list.1.x is nan, expected a finite number",
      ],
    );
  });

  it("are refused for counts, sizes and durations alike, also where nobody looked before", () => {
    const none = Number.NaN;

    assert.deepEqual(sentences({ objectSizeBytesMax: none, readTimeoutMs: -1 / 0, packCountMax: 1 / 0, host: none }), [
      "storage.objectSizeBytesMax is nan, expected a size in whole bytes (such as 64KiB, 1.5GiB, 10MB)",
      "storage.readTimeoutMs is -inf, expected a duration in whole ms (such as 250ms, 15s, 5m, 1h, 1d)",
      "storage.packCountMax is inf, expected a whole number (such as 128)",
      "storage.host is nan, expected a string",
    ]);
  });

  it("are the only numbers refused so", () => {
    assert(checkSections(toml("[a]\nx = 1e308\ny = -0.0\nz = 9007199254740991\n"), ["a"]).ok);
  });
});

describe("config: quantities", () => {
  it("are exact, also as fractions, where the result is whole", () => {
    assert.equal(parseQuantity("1.5 GiB", "bytes"), 1.5 * GiB);
    assert.equal(parseQuantity("4.35s", "ms"), 4350);
    assert.equal(parseQuantity("0.001s", "ms"), 1);
    assert.equal(parseQuantity("10MB", "bytes"), 10_000_000);
    assert.equal(parseQuantity("2d", "ms"), 172_800_000);
    assert.equal(parseQuantity("16MiB", "bytes"), 16 * MiB);
  });

  it("are nothing where the unit is unknown, of another kind, or the result not whole or not safe", () => {
    for (const text of ["", "s", "-1s", "1.5ms", "1 kib", "1KIB", "1s", "9007199254740993", "1e3", "1  KiB", "0x10"]) {
      assert.equal(parseQuantity(text, "bytes"), undefined, text);
    }
    assert.equal(parseQuantity("1KiB", "ms"), undefined);
    assert.equal(parseQuantity("1s", "count"), undefined);
    assert.equal(parseQuantity("0.0001s", "ms"), undefined);
  });

  it("agree with plain multiplication of whole numbers", () => {
    const units = fc.constantFrom(["s", 1000] as const, ["m", 60_000] as const, ["ms", 1] as const, ["", 1] as const);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), units, (whole, [unit, scale]) => {
        assert.equal(parseQuantity(`${whole}${unit}`, "ms"), whole * scale);
      }),
    );
  });
});
