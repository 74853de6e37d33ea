/** JSON texts of every kind that a producer may write: in any spelling of strings, with any digits, and members twice. */
import fc from "fast-check";

const space = fc.constantFrom("", "", "", " ", "\n", "\t \r\n");

/** What `JSON.parse` takes and no text of Postgres can have is among them. */
const strings: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.string({ unit: "grapheme", maxLength: 6 }).map((text) => JSON.stringify(text)),
  fc
    .array(
      fc.constantFrom(
        ..."{}[],:az0-",
        "\\\\",
        '\\"',
        "\\/",
        "\\n",
        "\\u0041",
        "\\u005c",
        "\\u0022",
        "\\ud83d\\ude00",
        "\\uD83D\\uDE00",
        "é",
        "😀",
      ),
      { maxLength: 8 },
    )
    .map((parts) => `"${parts.join("")}"`),
);

const hostileStrings: fc.Arbitrary<string> = fc
  .array(fc.constantFrom("\\\\", "\\u0000", "\\ud83d", "\\ude00", "\\uDBFF", "\\uDC00", "u0000", "\\n", "a"), {
    maxLength: 5,
  })
  .map((parts) => `"${parts.join("")}"`);

const numbers: fc.Arbitrary<string> = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String),
  fc.constantFrom("-0", "1.0", "1.50", "0e0", "1E5", "1e+5", "1e-05", "1.0000000000000000000001", "0.1e400", "1e-400"),
);
const hostileNumbers: fc.Arbitrary<string> = fc.constantFrom("1e401", "1E-401", "1e99999999999", "0e401", "-2.5e0401");

/** Objects have some keys twice, and some in escapes. */
const trees = (scalars: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      scalars,
      fc.array(spaced(tie("tree")), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
      fc
        .array(fc.tuple(spaced(keys), spaced(tie("tree"))), { maxLength: 4 })
        .map((members) => `{${members.map((pair) => pair.join(":")).join(",")}}`),
    ),
  })).tree;

const keys = fc.oneof(
  strings,
  fc.constantFrom('"a"', '"\\u0061"', '"payload"', '"data"', '"\\\\"', '"\\n"', '"__proto__"'),
);

function spaced(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(space, texts, space).map((parts) => parts.join(""));
}

const literals = fc.constantFrom("true", "false", "null");

/** Any that `jsonb` takes as well. */
export const jsonTexts: fc.Arbitrary<string> = trees(fc.oneof(strings, numbers, literals));
/** Some that it does not. */
export const hostileTexts: fc.Arbitrary<string> = trees(
  fc.oneof(strings, numbers, literals, hostileStrings, hostileNumbers),
);

/** A JSON object of members that may be there twice, their names as they are written, with `pad` wherever space may be. */
export function objectText(members: readonly (readonly [name: string, value: string])[], pad: string): string {
  return `${pad}{${members.map(([name, value]) => `${pad}"${name}"${pad}:${pad}${value}${pad}`).join(",")}}${pad}`;
}
