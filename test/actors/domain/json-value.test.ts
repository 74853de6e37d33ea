/** Values of JSON: which say the same, and one laid over another. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { deepMerge, isJsonObject, JSON_DEPTH_MAX, type JsonValue, sameJson } from "#actors/domain/json-value.ts";
import { Defect } from "#runtime/errors.ts";
import { asWritten, byUnits, keys, plainNumber, plainText, textOf, values } from "#test/actors/domain/json-texts.ts";

const parsed = (text: string): JsonValue => JSON.parse(text) as JsonValue;
const objects = fc.array(fc.tuple(keys, values), { maxLength: 6 }).map((members) => Object.fromEntries(members));
const nested = (depth: number): JsonValue => parsed(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);

/** The same text for the same meaning. */
const meaning = (value: JsonValue): string => textOf(value, { compare: byUnits, text: plainText, number: plainNumber });

/** With the members of every object the other way round. */
function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => reversed(item));
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).map(([key, item]) => [key, reversed(item)] as const);
  return Object.fromEntries(members.reverse());
}

/** Where a change would throw. */
function frozen(value: JsonValue): JsonValue {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

describe("JSON values: sameJson", () => {
  it("agrees with texts that are sorted", () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        assert.equal(sameJson(a, b), meaning(a) === meaning(b));
        assert.equal(sameJson(a, b), sameJson(b, a));
      }),
      { numRuns: 500 },
    );
  });

  it("does not look at the order of members, and does look at everything else", () => {
    fc.assert(
      fc.property(values, (value) => {
        assert(sameJson(value, asWritten(value)));
        assert(sameJson(value, reversed(value)));
        assert(!sameJson(value, [value]) && !sameJson([value], value));
        assert(!sameJson([value, null], [value]) && !sameJson([value], [value, null]));
        assert(!sameJson({ a: value }, { b: value }) && !sameJson({ a: value }, { a: value, b: value }));
        assert(!sameJson({ a: value, b: value }, { a: value }));
      }),
    );
  });

  it("tells what JavaScript takes for the same", () => {
    const pairs: readonly (readonly [JsonValue, JsonValue])[] = [
      [0, false],
      [1, "1"],
      ["", null],
      [null, {}],
      [[], {}],
      [{}, []],
      [[1, 2], { 0: 1, 1: 2 }],
      [{ 0: 1, 1: 2 }, [1, 2]],
      [
        [1, 2],
        [2, 1],
      ],
      [parsed('{"__proto__":{}}'), { a: {} }],
      [{ a: {} }, parsed('{"__proto__":{}}')],
      [{ toString: 1 }, { constructor: 1 }],
      [parsed('{"__proto__":{"a":1}}'), parsed('{"__proto__":{"a":2}}')],
    ];
    for (const [a, b] of pairs) assert(!sameJson(a, b), `${JSON.stringify(a)} and ${JSON.stringify(b)}`);
    assert(sameJson(0, -0));
    assert(sameJson(parsed('{"__proto__":{"a":1}}'), parsed('{"__proto__":{"a":1}}')));
  });
});

describe("JSON values: deepMerge", () => {
  const cases: readonly (readonly [what: string, base: string, delta: string, result: string])[] = [
    ["members are added", '{"a":1}', '{"b":2}', '{"a":1,"b":2}'],
    ["members are replaced", '{"a":1}', '{"a":2}', '{"a":2}'],
    ["objects are merged, at any depth", '{"a":{"b":{"c":1}}}', '{"a":{"b":{"d":2}}}', '{"a":{"b":{"c":1,"d":2}}}'],
    ["null replaces, and takes nothing away", '{"a":{"b":1},"c":2}', '{"a":null}', '{"a":null,"c":2}'],
    ["arrays replace", '{"a":[1,2,{"b":1}]}', '{"a":[{"c":1}]}', '{"a":[{"c":1}]}'],
    ["a scalar replaces an object", '{"a":{"b":1}}', '{"a":0}', '{"a":0}'],
    ["an object replaces what is none", '{"a":[1],"b":null}', '{"a":{"0":2},"b":{}}', '{"a":{"0":2},"b":{}}'],
    ["an empty delta changes nothing", '{"a":{"b":[]}}', "{}", '{"a":{"b":[]}}'],
    ["a delta that is no object wins", '{"a":1}', "[]", "[]"],
    ["a base that is no object loses", "[1]", '{"a":1}', '{"a":1}'],
    ["of two scalars the delta wins", '"a"', "null", "null"],
    ["what is new is taken as it is", "{}", '{"a":{"b":null}}', '{"a":{"b":null}}'],
    ["any name is one", '{"__proto__":{"a":1}}', '{"__proto__":{"b":2}}', '{"__proto__":{"a":1,"b":2}}'],
    ["names of the language are not there before", "{}", '{"constructor":{"a":1}}', '{"constructor":{"a":1}}'],
  ];
  for (const [what, base, delta, result] of cases) {
    it(what, () => {
      const merged = deepMerge(frozen(parsed(base)), frozen(parsed(delta)));

      assert.deepEqual(merged, parsed(result));
      assert(sameJson(merged, parsed(result)));
    });
  }

  it("touches no prototype", () => {
    const merged = deepMerge(
      parsed('{"a":{}}'),
      parsed('{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1}}}'),
    );

    assert(isJsonObject(merged));
    assert.equal(Object.getPrototypeOf(merged), Object.prototype);
    assert.equal(Reflect.get({}, "polluted"), undefined);
    assert.equal(merged["polluted"], undefined);
    assert.deepEqual(Object.keys(merged), ["a", "__proto__"]);
  });

  it("has every member of the delta, keeps those that it does not name, and does it once", () => {
    fc.assert(
      fc.property(objects, objects, (base, delta) => {
        const merged = deepMerge(frozen(base), frozen(delta));

        assert(isJsonObject(merged));
        assert.deepEqual(new Set(Object.keys(merged)), new Set([...Object.keys(base), ...Object.keys(delta)]));
        for (const [name, item] of Object.entries(merged)) {
          const [before, over] = [base, delta].map((side) => (Object.hasOwn(side, name) ? side[name] : undefined));
          const expected = over === undefined ? before : before === undefined ? over : deepMerge(before, over);
          assert(expected !== undefined && sameJson(item, expected));
        }
        assert(sameJson(deepMerge(merged, delta), merged));
        assert(sameJson(deepMerge(base, {}), base) && sameJson(deepMerge({}, delta), delta));
      }),
      { numRuns: 500 },
    );
  });
});

describe("JSON values: their depth", () => {
  it("is that of what can be read; anything deeper is a defect, and no overflow of the stack", () => {
    const [deepest, tooDeep] = [nested(JSON_DEPTH_MAX), nested(100_000)];

    assert(sameJson(deepest, nested(JSON_DEPTH_MAX)));
    assert(sameJson(deepMerge(deepest, deepest), deepest));
    assert.throws(() => sameJson(tooDeep, nested(100_000)), Defect);
    assert.throws(() => deepMerge(tooDeep, nested(100_000)), Defect);
  });
});
