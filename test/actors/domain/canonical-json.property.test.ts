/** Canonical JSON against a model that cuts tokens, and against everything that can be done to a document. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalText, readCanonical, readJson, readStored } from "#actors/domain/canonical-json.ts";
import { type JsonValue, sameJson } from "#actors/domain/json-value.ts";
import { must } from "#runtime/errors.ts";
import { problemsOf, saidBy, tokensOf } from "#test/actors/domain/json-model.ts";
import { asWritten, keys, type Style, styles, textOf, values } from "#test/actors/domain/json-texts.ts";

const READERS = { canonical: readCanonical, any: readJson } as const;
const problemOf = (text: string, form: keyof typeof READERS = "canonical"): string | undefined => {
  const read = READERS[form](Buffer.from(text));
  return read.ok ? undefined : read.failure.problem;
};

/** Keys that are in one order only: without characters above U+FFFF. */
const plainKeys = keys.filter((key) => !/[\ud800-\udfff]/.test(key));
const objects = fc
  .tuple(fc.uniqueArray(plainKeys, { minLength: 2, maxLength: 6 }), values, styles)
  .map(([names, value, style]) => ({ names: names.sort(style.compare), value, style }));
const memberOf = (name: string, value: JsonValue, style: Style): string =>
  `${style.text(name)}:${textOf(value, style)}`;
/** Somewhere inside a document that is in order otherwise. */
const wrapped = fc.constantFrom(
  (text: string) => text,
  (text: string) => `[0,${text},"z"]`,
  (text: string) => `{"a":[],"b":${text},"c":{}}`,
);

/** What nearly is JSON: most of it is right, and now and then there is white space, a key out of order, a bad scalar. */
const { texts } = fc.letrec<{ texts: string }>((tie) => {
  const names = ['""', '"__proto__"', '"a"', '"\\u0061"', '"b"', '"\ufb33"', '"\u{1f600}"', '"\\ud83d\\ude00"'];
  const good = [
    "null",
    "true",
    "0",
    "-0",
    "1.50",
    "1E+2",
    "-1e-400",
    "9007199254740991",
    '"x"',
    '"\\ud800\\udc00"',
    '"\\/"',
  ];
  const bad = ["9007199254740992", "1e400", '"\\ud800"', '"\\udc00\\udfff"'];
  const scalars = fc.oneof(
    { arbitrary: fc.constantFrom(...good), weight: 12 },
    { arbitrary: fc.constantFrom(...bad), weight: 1 },
  );
  const spaces = fc.oneof({ arbitrary: fc.constant(""), weight: 40 }, fc.constantFrom(" ", "\n"));
  const members = fc.tuple(spaces, fc.nat(names.length - 1), spaces, tie("texts"));
  const tellMember = ([before, name, behind, value]: readonly [string, number, string, string]): string =>
    `${before}${names[name]}${behind}:${value}`;
  const objects = fc
    .tuple(fc.array(members, { maxLength: 4 }), fc.nat(3))
    .map(([list, chance]) => (chance > 0 ? list.toSorted(([, a], [, b]) => a - b) : list))
    .map((list) => `{${list.map(tellMember).join(",")}}`);
  const arrays = fc.array(tie("texts"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`);
  return { texts: fc.oneof({ maxDepth: 3, withCrossShrink: true }, scalars, arrays, objects, objects) };
});
const edits = fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[]:,"\\ue01-.+ \n\u0000x\u00a0'));

/** With a character left out, put in, or put in the place of another. */
function edited(text: string, [place, taken, put]: readonly [number, number, string]): string {
  const at = place % (text.length + 1);
  return text.slice(0, at) + (taken === 2 ? "" : put) + text.slice(at + Math.min(taken, 1));
}

function agree(text: string): void {
  const sent = Buffer.from(text).toString();
  for (const form of ["canonical", "any"] as const) {
    const problems = problemsOf(sent, form);
    const read = READERS[form](Buffer.from(sent));
    assert.equal(read.ok, problems.size === 0, [...problems].join());
    if (read.ok) assert.deepEqual(read.value, saidBy(sent));
    else if (!problems.has("not-json")) assert(problems.has(read.failure.problem), read.failure.problem);
  }
}

describe("canonical JSON: any value", () => {
  it("has a text that is read back as it was", () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = Buffer.from(canonicalText(value));

        assert.deepEqual(must(readCanonical(bytes), "it is canonical"), asWritten(value));
        assert.equal(canonicalText(must(readCanonical(bytes), "it is canonical")), bytes.toString());
      }),
      { numRuns: 1000 },
    );
  });

  it("is read as it was in the style of any encoder that sorts", () => {
    fc.assert(
      fc.property(values, styles, (value, style) => {
        const read = must(readCanonical(Buffer.from(textOf(value, style))), "it is sorted and compact");

        assert(sameJson(read, value));
        assert.equal(canonicalText(read), canonicalText(value));
      }),
      { numRuns: 1000 },
    );
  });

  it("is read as it was by readJson, however it is indented and ordered", () => {
    fc.assert(
      fc.property(values, fc.nat(4), (value, indent) => {
        const text = JSON.stringify(value, null, indent);

        assert.deepEqual(readJson(Buffer.from(text)), { ok: true, value: asWritten(value) });
        assert.deepEqual(readStored(text), asWritten(value));
      }),
    );
  });
});

describe("canonical JSON: a document of which something was changed", () => {
  it("is refused with white space between any two tokens", () => {
    const spaces = fc.constantFrom(" ", "\n", "\t", "\r", " \n");
    fc.assert(
      fc.property(values, styles, fc.nat(), spaces, (value, style, place, space) => {
        const tokens = tokensOf(textOf(value, style));
        const at = place % (tokens.length + 1);
        const text = [...tokens.slice(0, at), space, ...tokens.slice(at)].join("");

        assert.equal(problemOf(text), "not-compact");
        assert.equal(problemOf(text, "any"), undefined);
      }),
    );
  });

  it("is refused with any two members exchanged", () => {
    fc.assert(
      fc.property(objects, wrapped, fc.nat(), fc.nat(), ({ names, value, style }, wrap, first, second) => {
        const [a, b] = [first % names.length, second % names.length];
        fc.pre(a !== b);
        const members = names.map((name) => memberOf(name, value, style));
        [members[a], members[b]] = [members[b] ?? "", members[a] ?? ""];

        assert.equal(problemOf(wrap(`{${members.join(",")}}`)), "keys-unsorted");
        assert.equal(problemOf(wrap(`{${members.join(",")}}`), "any"), undefined);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused with a member twice, wherever that is and however its key is escaped", () => {
    fc.assert(
      fc.property(objects, wrapped, styles, fc.nat(), fc.nat(), ({ names, value, style }, wrap, other, from, to) => {
        const members = names.map((name) => memberOf(name, value, style));
        const at = to % (names.length + 1);
        members.splice(at, 0, memberOf(names[from % names.length] ?? "", value, { ...style, text: other.text }));
        const text = wrap(`{${members.join(",")}}`);

        // In front of its twin it is what comes next that is out of order.
        const isBehind = at >= from % names.length;
        assert.equal(problemOf(text), isBehind ? "duplicate-key" : "keys-unsorted");
        assert.equal(problemOf(text, "any"), "duplicate-key");
      }),
      { numRuns: 500 },
    );
  });

  it("is judged as the model judges it, whatever was changed", () => {
    fc.assert(
      fc.property(texts, edits, (text, edit) => agree(edited(text, edit))),
      { numRuns: 4000 },
    );
  });
});

describe("canonical JSON: any bytes", () => {
  it("that nearly are JSON are judged as the model judges them", () => {
    fc.assert(fc.property(texts, agree), { numRuns: 4000 });
  });

  it("are read or refused, and nothing throws", () => {
    const tokens = fc.constantFrom(
      ..."{}[]:,",
      '"',
      "\\",
      "u",
      "d8",
      "00",
      "-",
      "1",
      "e",
      ".",
      " ",
      "true",
      "\u{1f600}",
    );
    const soup = fc.array(tokens, { maxLength: 30 }).map((parts) => Buffer.from(parts.join("")));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), soup), (bytes) => {
        for (const read of [readCanonical(bytes), readJson(bytes)]) {
          if (read.ok) assert.deepEqual(read.value, saidBy(Buffer.from(bytes).toString()));
          else assert(read.failure.offsetBytes <= bytes.length);
        }
      }),
      { numRuns: 4000 },
    );
  });
});
