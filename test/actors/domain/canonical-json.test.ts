/** Canonical JSON: what other producers write, and one document for everything that is refused. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  canonicalText,
  JSON_BYTES_MAX,
  type JsonProblem,
  readCanonical,
  readJson,
  readStored,
} from "#actors/domain/canonical-json.ts";
import { isJsonObject, JSON_DEPTH_MAX, sameJson } from "#actors/domain/json-value.ts";
import { Defect, must } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";
import { saidBy } from "#test/actors/domain/json-model.ts";
import { GO, PYTHON, PYTHON_RANDOM, RFC_8785, RFC_8785_NUMBERS } from "#test/actors/domain/json-vectors.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const refusal = (problem: JsonProblem, offsetBytes: number) => ({
  ok: false,
  failure: { code: "json.refused", problem, offsetBytes },
});
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

describe("canonical JSON: what producers write is read", () => {
  for (const { what, text, value } of [...PYTHON, ...GO, ...RFC_8785]) {
    it(what, () => {
      const read = must(readCanonical(bytesOf(text)), "it is canonical");

      assert(sameJson(read, value));
      assert.deepEqual(must(readJson(bytesOf(text)), "it is JSON"), read);
    });
  }

  it("random documents of Python", () => {
    for (const encoded of PYTHON_RANDOM) {
      const bytes = Buffer.from(encoded, "base64");

      assert.deepEqual(must(readCanonical(bytes), bytes.toString()), saidBy(bytes.toString()));
    }
  });

  it("every scalar, and what is empty", () => {
    for (const text of ["null", "true", "false", "0", "-0", '""', "[]", "{}", "[[],{}]"]) {
      assert.deepEqual(readCanonical(bytesOf(text)), { ok: true, value: JSON.parse(text) }, text);
    }
  });

  it("every spelling of a number", () => {
    for (const text of ["-0.0", "1.0", "1E5", "1e+05", "10e-2", "0.10", "1e21", "1e-400", "9007199254740993.0"]) {
      assert.deepEqual(readCanonical(bytesOf(text)), { ok: true, value: Number(text) }, text);
    }
  });

  it("bytes in the middle of a buffer", () => {
    assert.deepEqual(readCanonical(bytesOf('xx{"a":1}x').subarray(2, 9)), { ok: true, value: { a: 1 } });
  });

  it("keys of the language, as data", () => {
    const text = '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toJSON":0}';

    const read = must(readCanonical(bytesOf(text)), "it is canonical");

    assert(isJsonObject(read));
    assert.deepEqual(Object.keys(read), ["__proto__", "constructor", "toJSON"]);
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
    assert.equal(canonicalText(read), text);
  });
});

describe("canonical JSON: the keys of a document", () => {
  it("are its own, whatever was parsed before, and where JSON.parse has others", () => {
    // V8 14.6 remembers the key of this object, and compares with it the characters that another key is escaped with.
    const parsedBefore: readonly unknown[] = ["\\u006", "\\"].map((key) =>
      JSON.parse(JSON.stringify({ "!": 1, [key]: 0 })),
    );

    const admin = String.raw`{"!":1,"\u0061dmin":0}`;
    const quote = String.raw`{"!":1,"b":{"!":1,"\"":0}}`;

    assert.equal(parsedBefore.length, 2);
    for (const read of [readCanonical, readJson]) {
      assert.deepEqual(read(bytesOf(admin)), { ok: true, value: { "!": 1, admin: 0 } });
      assert.deepEqual(read(bytesOf(quote)), { ok: true, value: { "!": 1, b: { "!": 1, '"': 0 } } });
    }
  });
});

describe("canonical JSON: what is refused, and where it begins", () => {
  const documents: readonly (readonly [text: string, problem: JsonProblem, offsetBytes: number])[] = [
    ["", "not-json", 0],
    ["\ufeff{}", "not-json", 0],
    ["\u00a0{}", "not-json", 0],
    ["{}{}", "not-json", 2],
    ['{"a":1', "not-json", 6],
    ['{"a":1,}', "not-json", 7],
    ['{"a"}', "not-json", 4],
    ["{a:1}", "not-json", 1],
    ['{"a":1]', "not-json", 6],
    ['{"a":1;"b":2}', "not-json", 6],
    ['{"a":1"b":2}', "not-json", 6],
    ["[1 2]", "not-compact", 2],
    ['["a""b"]', "not-json", 4],
    ["[]]", "not-json", 2],
    ["{,}", "not-json", 1],
    ["{'a':1}", "not-json", 1],
    ["[1,]", "not-json", 3],
    ["[1 ,2]", "not-compact", 2],
    ["[,]", "not-json", 1],
    ["[1}", "not-json", 2],
    ["nul", "not-json", 0],
    ["nullx", "not-json", 4],
    ["undefined", "not-json", 0],
    ["NaN", "not-json", 0],
    ["Infinity", "not-json", 0],
    ["-Infinity", "not-json", 1],
    ["+1", "not-json", 0],
    ["01", "not-json", 1],
    ["-", "not-json", 1],
    [".5", "not-json", 0],
    ["1.", "not-json", 2],
    ["1.e5", "not-json", 2],
    ["1e", "not-json", 2],
    ["1e+", "not-json", 3],
    ["1e+-1", "not-json", 3],
    ["0x10", "not-json", 1],
    ["1_000", "not-json", 1],
    ["\u0661", "not-json", 0],
    ['"', "not-json", 1],
    ['"a', "not-json", 2],
    ['"\\"', "not-json", 3],
    ['"\t"', "not-json", 1],
    ['"\u0000"', "not-json", 1],
    ['"\\x41"', "not-json", 1],
    ['"\\u12g4"', "not-json", 1],
    ['"\\u+123"', "not-json", 1],
    ['"\\u 123"', "not-json", 1],
    ['"\\u12"', "not-json", 1],
    ['"\\u12', "not-json", 1],
    ['"\\U0041"', "not-json", 1],
    ['"\\', "not-json", 1],
    [" {}", "not-compact", 0],
    ["{}\n", "not-compact", 2],
    ["[\t]", "not-compact", 1],
    ['{"a": 1}', "not-compact", 5],
    ['{"a":1}\r\n', "not-compact", 7],
    ['{"a":1,"a":2}', "duplicate-key", 7],
    ['{"a":1,"\\u0061":2}', "duplicate-key", 7],
    ['{"\\/":1,"/":2}', "duplicate-key", 8],
    ['{"":1,"":2}', "duplicate-key", 6],
    ['{"__proto__":1,"__proto__":2}', "duplicate-key", 15],
    ['{"\\ud83d\\ude00":1,"\u{1f600}":2}', "duplicate-key", 18],
    ['{"a":1,"b":2,"a":3}', "duplicate-key", 13],
    ['{"b":1,"a":2}', "keys-unsorted", 7],
    ['{"ab":1,"a":2}', "keys-unsorted", 8],
    ['{"a":1,"B":2}', "keys-unsorted", 7],
    ['{"10":1,"9":2,"1":3}', "keys-unsorted", 14],
    ['[{"\u00f6":1,"o":2}]', "keys-unsorted", 9],
    // The escape begins with a backslash, which stands between upper and lower case; the key with "a".
    ['{"\\u0061":1,"Z":2}', "keys-unsorted", 12],
    ['"\\ud83d"', "lone-surrogate", 1],
    ['"\\ude00"', "lone-surrogate", 1],
    ['"\\ude00\\ud83d"', "lone-surrogate", 1],
    ['"\\ude00\\ude00"', "lone-surrogate", 1],
    ['"\\ud83d\\ud83d\\ude00"', "lone-surrogate", 1],
    ['"\\ud83d\\u0041"', "lone-surrogate", 1],
    ['"\\ud83d\\n"', "lone-surrogate", 1],
    ['"\\ud83dx"', "lone-surrogate", 1],
    ['{"\\uDFFF":1}', "lone-surrogate", 2],
    ["9007199254740992", "unsafe-integer", 0],
    ["9007199254740993", "unsafe-integer", 0],
    ["[-9007199254740992]", "unsafe-integer", 1],
    ["1".repeat(400), "unsafe-integer", 0],
    ["1e400", "number-out-of-range", 0],
    ["[1,-1e400]", "number-out-of-range", 3],
    [`${"9".repeat(310)}.5`, "number-out-of-range", 0],
    // After the offsets of letters that take two, three and four bytes.
    ['"\u00f6\u20ac\u{1f600}" ', "not-compact", 11],
  ];
  for (const [text, problem, offsetBytes] of documents) {
    it(`${problem}: ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.deepEqual(readCanonical(bytesOf(text)), refusal(problem, offsetBytes));
    });
  }

  it("what is no UTF-8: a byte that is none, a spelling that is too long, a surrogate, a code point that there is not", () => {
    for (const hex of ["22ff22", "22c08022", "22eda08022", "22f490808022", "22c3"]) {
      assert.deepEqual(readCanonical(Buffer.from(hex, "hex")), refusal("not-utf8", 0), hex);
    }
  });

  it("integers from 2^53 on, and no integer before", () => {
    for (const text of ["9007199254740991", "-9007199254740991"]) assert(readCanonical(bytesOf(text)).ok, text);
    for (const text of ["9007199254740992", "-9007199254740992"]) assert(!readCanonical(bytesOf(text)).ok, text);
  });

  it("one array or object more than may be inside one another, and no fewer", () => {
    const objects = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

    assert(readCanonical(bytesOf(nested(JSON_DEPTH_MAX))).ok);
    assert(readCanonical(bytesOf(objects(JSON_DEPTH_MAX))).ok);
    assert.deepEqual(readCanonical(bytesOf(nested(JSON_DEPTH_MAX + 1))), refusal("too-deep", JSON_DEPTH_MAX));
    assert.deepEqual(readCanonical(bytesOf(objects(JSON_DEPTH_MAX + 1))), refusal("too-deep", 5 * JSON_DEPTH_MAX));
    assert.deepEqual(readCanonical(bytesOf("[".repeat(JSON_BYTES_MAX))), refusal("too-deep", JSON_DEPTH_MAX));
  });

  it("one byte more than may be, and no fewer", () => {
    assert(readCanonical(bytesOf(`"${"x".repeat(JSON_BYTES_MAX - 2)}"`)).ok);
    assert.deepEqual(readCanonical(bytesOf(`"${"x".repeat(JSON_BYTES_MAX - 1)}"`)), refusal("too-long", 0));
  });
});

describe("canonical JSON: the order of keys", () => {
  const [byUnits, byCodePoints] = ['{"\u{1f600}":1,"\ufb33":2}', '{"\ufb33":2,"\u{1f600}":1}'];

  it("is that of UTF-16 or that of code points", () => {
    for (const text of [byUnits, byCodePoints]) assert(readCanonical(bytesOf(text)).ok, text);
    for (const text of [`[${byUnits},${byUnits}]`, `[${byCodePoints},${byCodePoints}]`]) {
      assert(readCanonical(bytesOf(text)).ok, text);
    }
  });

  it("is one in the whole document", () => {
    const documents: readonly (readonly [text: string, offender: string])[] = [
      [`[${byUnits},${byCodePoints}]`, "\u{1f600}"],
      [`[${byCodePoints},${byUnits}]`, "\ufb33"],
      [`{"a":${byUnits},"b":{"c":${byCodePoints}}}`, "\u{1f600}"],
      [`{"\u{1f600}":${byCodePoints},"\ufb33":0}`, "\ufb33"],
    ];
    for (const [text, offender] of documents) {
      const offsetBytes = Buffer.byteLength(text.slice(0, text.lastIndexOf(`"${offender}"`)));
      assert.deepEqual(readCanonical(bytesOf(text)), refusal("keys-unsorted", offsetBytes), text);
    }
  });

  it("is that of the characters, not of their escapes", () => {
    assert(readCanonical(bytesOf('{"\\ufb33":2,"\\ud83d\\ude00":1}')).ok);
    assert(readCanonical(bytesOf('{"Z":1,"\\u0061":2,"b":3}')).ok);
  });

  it("is that of code points up to the last one before the surrogates, and from the first one behind them", () => {
    const [last, first] = ['{"\ud7ff":1,"\ue000":2}', '{"\ue000":1,"\u{10000}":2}'];

    for (const text of [last, first, `[${first},${last}]`, `[${last},${first}]`]) {
      assert(readCanonical(bytesOf(text)).ok, text);
    }
  });

  it("differs behind a common beginning, and between surrogates not", () => {
    assert(readCanonical(bytesOf('{"x\ufb33":2,"x\u{1f600}":1}')).ok);
    assert(readCanonical(bytesOf('{"\u{1f600}":2,"\u{1f601}":1,"\u{10ffff}":3}')).ok);
    assert.deepEqual(readCanonical(bytesOf('{"\u{1f601}":2,"\u{1f600}":1}')), refusal("keys-unsorted", 10));
  });
});

describe("canonical JSON: readJson", () => {
  it("takes white space anywhere between tokens, and members in any order", () => {
    const text = ' {\n\t"b" : [ 1 , { } , [ ] ] ,\r\n "a" : null } ';

    assert.deepEqual(readJson(bytesOf(text)), { ok: true, value: { b: [1, {}, []], a: null } });
  });

  it("refuses all else that readCanonical refuses", () => {
    const documents: readonly (readonly [text: string, problem: JsonProblem, offsetBytes: number])[] = [
      ['{"a":1, "b":2, "\\u0061":3}', "duplicate-key", 15],
      ["[ 9007199254740993 ]", "unsafe-integer", 2],
      ['[ "\\ud800" ]', "lone-surrogate", 3],
      ["[ 1e999 ]", "number-out-of-range", 2],
      ["[\v]", "not-json", 1],
      ["[1\u00a0]", "not-json", 2],
      ["1 2", "not-json", 2],
      [" ", "not-json", 1],
      [` ${nested(JSON_DEPTH_MAX + 1)}`, "too-deep", JSON_DEPTH_MAX + 1],
      [`"${"x".repeat(JSON_BYTES_MAX)}"`, "too-long", 0],
    ];
    for (const [text, problem, offsetBytes] of documents) {
      assert.deepEqual(readJson(bytesOf(text)), refusal(problem, offsetBytes));
    }
  });

  it("tells a key of one object from that of another", () => {
    assert(readJson(bytesOf('{"b":{"a":1},"a":{"a":2},"c":[{"a":1},{"a":1}]}')).ok);
  });
});

describe("canonical JSON: readStored", () => {
  it("reads what Postgres makes of a document: integers for large doubles, shorter keys first", () => {
    const text = '{"z": 100000000000000000000, "aa": [1, 9007199254740993, -0.5], "\\"": {"b\\\\": null}}';

    const expected = { z: 1e20, aa: [1, 2 ** 53, -0.5], '"': { "b\\": null } };
    assert.deepEqual(readStored(text), expected);
    assert.deepEqual(readStored(canonicalText(expected)), expected);
  });

  it("throws where it is no document: that is a defect of who wrote it", () => {
    for (const text of ["", "x", '{"a":1,"a":2}', "1e400", "1".repeat(400), '"\\ud800"', nested(JSON_DEPTH_MAX + 1)]) {
      assert.throws(() => readStored(text), Defect, text);
    }
  });
});

describe("canonical JSON: canonicalText", () => {
  for (const { what, text, value } of RFC_8785) {
    it(`is that of RFC 8785: ${what}`, () => {
      assert.equal(canonicalText(value), text);
    });
  }

  it("has the numbers of RFC 8785, and what it writes is read but for unsafe integers", () => {
    for (const [bits, text] of RFC_8785_NUMBERS) {
      const value = Buffer.from(bits, "hex").readDoubleBE();

      assert.equal(canonicalText(value), text);
      const expected = /^-?\d{16,}$/.test(text) ? refusal("unsafe-integer", 0) : { ok: true, value: Number(text) };
      assert.deepEqual(readCanonical(bytesOf(text)), expected);
    }
  });

  it("of an object without members is {}", () => {
    assert.equal(canonicalText({}), "{}");
  });

  it("throws where there is none: that is a defect of who asks", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, "\ud800", { "\ud800": 1 }]) {
      assert.throws(() => canonicalText(value));
    }
  });
});

describe("canonical JSON: the work", () => {
  const filled = (unit: string, sizeBytes: number): string => unit.repeat(Math.floor(sizeBytes / unit.length));
  const members = (sizeBytes: number, keyOf: (index: number) => string): string => {
    const count = Math.floor(sizeBytes / (keyOf(0).length + 5));
    return `{${Array.from({ length: count }, (_, index) => `"${keyOf(index)}":0`).join(",")}}`;
  };
  const digits = (index: number): string => String(index).padStart(7, "0");
  const texts: Readonly<Record<string, (sizeBytes: number) => string>> = {
    "a long string": (size) => `"${filled("x", size)}"`,
    "a string without an end": (size) => `"${filled("x", size)}`,
    "a string of escapes": (size) => `"${filled("\\u0061", size)}"`,
    "a string of pairs": (size) => `"${filled("\\ud83d\\ude00", size)}"`,
    "an integer": (size) => filled("1", size),
    "a fraction": (size) => `0.${filled("1", size)}`,
    "an exponent": (size) => `1e-${filled("1", size)}`,
    "many numbers": (size) => `[${filled("1,", size)}1]`,
    "many brackets": (size) => `[${filled("[],", size)}[]]`,
    "brackets without an end": (size) => filled("[", size),
    "objects without an end": (size) => filled('{"a":', size),
    "a long key": (size) => `{"${filled("x", size)}":0}`,
    "a long key, escaped": (size) => `{"${filled("\\u0061", size)}":0}`,
    "many keys": (size) => members(size, digits),
    "many keys with a long beginning": (size) => members(size, (at) => filled("x", Math.sqrt(size)) + digits(at)),
    "two long keys that differ at the end": (size) => members(size, (at) => filled("x", size / 2 - 16) + digits(at)),
    "many keys, escaped": (size) => members(size, (at) => digits(at).replaceAll(/./g, (digit) => `\\u003${digit}`)),
    "many small objects": (size) => `[${filled('{"a":0,"b":0},', size)}{}]`,
    "white space": (size) => filled(" \n", size),
  };
  /** Units of the text that were looked at one by one, and that were copied. */
  const workOf = (read: () => void): number => {
    const { charCodeAt, slice } = String.prototype;
    let units = 0;
    String.prototype.charCodeAt = function (at) {
      units += 1;
      return charCodeAt.call(this, at);
    };
    String.prototype.slice = function (start, end) {
      const part = slice.call(this, start, end);
      units += part.length;
      return part;
    };
    try {
      read();
    } finally {
      Object.assign(String.prototype, { charCodeAt, slice });
    }
    return units;
  };

  for (const [what, textOfSize] of Object.entries(texts)) {
    it(`is in proportion to the bytes: ${what}`, () => {
      for (const sizeBytes of [1 * KiB, 16 * KiB, 256 * KiB]) {
        const bytes = bytesOf(textOfSize(sizeBytes));
        for (const read of [readCanonical, readJson]) {
          const work = workOf(() => read(bytes));

          assert(work > 0 && work <= 10 * (sizeBytes + 64), `${work} units for ${bytes.length} bytes`);
        }
      }
    });

    // What the engine looks at by itself is not counted. Were it out of proportion, this would take minutes.
    it(`takes no seconds, however long the document: ${what}`, () => {
      const bytes = bytesOf(textOfSize(JSON_BYTES_MAX - 64));
      assert(bytes.length <= JSON_BYTES_MAX);
      const before = process.cpuUsage();

      readCanonical(bytes);
      readJson(bytes);

      assert(process.cpuUsage(before).user < 3_000_000);
    });
  }
});
