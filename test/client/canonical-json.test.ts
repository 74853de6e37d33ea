/** Canonical JSON of the client: against the library that the node has it from, and against what the node takes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createContext, runInContext } from "node:vm";
import fc from "fast-check";
import {
  JSON_BYTES_MAX as BYTES_MAX,
  readCanonical,
  canonicalText as textInNode,
} from "#actors/domain/canonical-json.ts";
import { JSON_DEPTH_MAX as DEPTH_MAX } from "#actors/domain/json-value.ts";
import { canonicalText, JSON_BYTES_MAX, JSON_DEPTH_MAX } from "#client/canonical-json.ts";
import { CepaError } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";
import { asWritten, numbers, values } from "#test/actors/domain/json-texts.ts";
import { RFC_8785, RFC_8785_NUMBERS } from "#test/actors/domain/json-vectors.ts";

/** What `canonicalText` says of a value that it does not write. */
function refusalOf(value: unknown): string {
  try {
    return assert.fail(canonicalText(value));
  } catch (failure) {
    assert(failure instanceof CepaError, String(failure));
    assert.equal(failure.code, "client.not-signable");
    assert.equal(failure.retryable, false);
    return failure.message;
  }
}

function nested(depth: number): unknown {
  return JSON.parse("[".repeat(depth) + "]".repeat(depth));
}

describe("canonical JSON of the client: what it writes", () => {
  it("is what the node's library writes, and the node reads it back", () => {
    fc.assert(
      fc.property(values, (value) => {
        const text = canonicalText(value);

        assert.equal(text, textInNode(value));
        assert.deepEqual(must(readCanonical(Buffer.from(text)), "the node takes it"), asWritten(value));
      }),
      { numRuns: 1000 },
    );
  });

  it("is right for any number", () => {
    fc.assert(
      fc.property(fc.oneof(numbers, fc.double(), fc.double({ min: 1e15, max: 1e22 })), (value) => {
        const isRead = Number.isFinite(value) && readCanonical(Buffer.from(textInNode(value))).ok;

        if (isRead) assert.equal(canonicalText(value), textInNode(value));
        else refusalOf(value);
      }),
      { numRuns: 1000 },
    );
  });

  for (const { what, text, value } of RFC_8785) {
    it(`is that of RFC 8785: ${what}`, () => {
      assert.equal(canonicalText(value), text);
    });
  }

  it("has the numbers of RFC 8785, but for unsafe integers", () => {
    for (const [bits, text] of RFC_8785_NUMBERS) {
      const value = Buffer.from(bits, "hex").readDoubleBE();

      if (/^-?\d{16,}$/.test(text))
        assert.match(refusalOf(value), /^\$ is -?\d+, an integer that not every reader has/);
      else assert.equal(canonicalText(value), text);
    }
  });

  it("is of any plain object: without a prototype, of another realm, with keys of the language", () => {
    const bare = Object.assign(Object.create(null), { b: 1, a: 2 });
    const foreign: unknown = runInContext("({ b: [1], a: {} })", createContext());
    const named: unknown = JSON.parse('{"__proto__":{"b":1,"a":2},"toJSON":1,"constructor":null}');

    assert.equal(canonicalText(bare), '{"a":2,"b":1}');
    assert.equal(canonicalText(foreign), '{"a":{},"b":[1]}');
    assert.equal(canonicalText(named), '{"__proto__":{"a":2,"b":1},"constructor":null,"toJSON":1}');
    assert.equal(canonicalText({ [Symbol("a")]: 1, a: 1 }), '{"a":1}');
    assert.equal(canonicalText(-0), "0");
  });

  it("is of a value that has a part in several places", () => {
    const part = { a: [1] };

    assert.equal(canonicalText([part, part]), '[{"a":[1]},{"a":[1]}]');
  });
});

describe("canonical JSON of the client: what it refuses", () => {
  const refusals: readonly (readonly [what: string, value: unknown, says: string])[] = [
    ["undefined", undefined, "$ is undefined"],
    ["a member that is undefined", { a: { b: undefined } }, '$["a"]["b"] is undefined'],
    ["an item that is undefined", [1, undefined], "$[1] is undefined"],
    ["a hole", Object.assign([1], { 2: 2 }), "$[1] is undefined"],
    ["a function", { a: () => 1 }, '$["a"] is function'],
    ["a symbol", [Symbol("a")], "$[0] is symbol"],
    ["a bigint", { a: 1n }, '$["a"] is bigint'],
    ["NaN", [Number.NaN], "$[0] is NaN"],
    ["an infinite number", -1 / 0, "$ is -Infinity"],
    ["an unsafe integer", { id: 2 ** 53 }, '$["id"] is 9007199254740992, an integer that not every reader has'],
    ["half a surrogate pair", ["a\ud83d"], "$[0] has half a surrogate pair"],
    ["half a surrogate pair in a key", { a: { "\ude00": 1 } }, 'a key of $["a"] has half'],
    ["a date", { at: new Date(0) }, '$["at"] is an object of a class'],
    ["what says of itself what it is", { toJSON: () => 1 }, '$["toJSON"] is function'],
    ["a map", new Map([["a", 1]]), "$ is an object of a class"],
    ["bytes", { a: Buffer.from("a") }, '$["a"] is an object of a class'],
    ["a number in a box", Object(1), "$ is an object of a class"],
    ["an error", new Error("x"), "$ is an object of a class"],
  ];
  for (const [what, value, says] of refusals) {
    it(what, () => {
      const said = refusalOf(value);

      assert(said.startsWith(says), said);
      assert(said.endsWith(": it cannot be signed"), said);
    });
  }

  it("whatever it is that is wrong, anywhere in a value", () => {
    const wrong = fc.constantFrom<unknown>(undefined, Number.NaN, 1n, "\ud800", 2 ** 60, new Date(0));
    fc.assert(
      fc.property(values, values, wrong, (before, after, inside) => {
        refusalOf([before, inside, after]);
        refusalOf({ a: before, b: { c: [inside] }, d: after });
      }),
    );
  });

  it("one array or object more inside one another than the node takes, and no fewer", () => {
    assert.equal(JSON_DEPTH_MAX, DEPTH_MAX);
    assert(readCanonical(Buffer.from(canonicalText(nested(JSON_DEPTH_MAX)))).ok);
    assert.match(refusalOf(nested(JSON_DEPTH_MAX + 1)), /more than 64 deep/);
  });

  it("one byte more than the node takes, and no fewer, whatever the bytes are of", () => {
    assert.equal(JSON_BYTES_MAX, BYTES_MAX);
    for (const [character, count] of [
      ["x", JSON_BYTES_MAX - 2],
      ["\u20ac", (JSON_BYTES_MAX - 4) / 3],
    ] as const) {
      const text = character.repeat(count);
      assert(readCanonical(Buffer.from(canonicalText(text))).ok);
      assert.match(refusalOf(`${text}xxx`), /longer than 1048576 bytes/);
    }
    // The longest string there can be: with quotes around it there is none.
    assert.match(refusalOf("x".repeat(2 ** 29 - 24)), /longer than/);
  });

  it("what contains itself, and what is small here and endless when it is written", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle, cycle);
    const ladder = Array.from({ length: 60 }).reduce<unknown>((below) => [below, below], []);

    assert.match(refusalOf(cycle), /more than 64 deep/);
    assert.match(refusalOf(ladder), /longer than/);
    assert.match(refusalOf(new Array(2 ** 32 - 1)), /^\$\[0\] is undefined/);
  });

  it("says it in a line that is not long, however long the keys are", () => {
    assert(refusalOf({ ["k".repeat(5000)]: { ["l\n".repeat(5000)]: undefined } }).length < 300);
  });
});
