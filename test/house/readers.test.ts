/** What the house rules read with: arithmetic, tables, imports, comments. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { evaluate } from "#test/house/arithmetic.ts";
import { importsOf } from "#test/house/imports.ts";
import { agrees, type Limit, limitsOf, rowFor } from "#test/house/limits.ts";
import { linksOf, rowsOf } from "#test/house/markdown.ts";
import { withoutProse } from "#test/house/tree.ts";

describe("house: arithmetic", () => {
  it("knows precedence, units and names", () => {
    const seven = (name: string): number | undefined => (name === "SEVEN" ? 7 : undefined);

    assert.deepEqual(
      ["64 * KiB", "2 ** 22", "1 * minute + 30 * second", "2 * (3 + 4)", "SEVEN - 1", "16_384", "-1"].map((text) =>
        evaluate(text, seven),
      ),
      [65_536, 4_194_304, 90_000, 14, 6, 16_384, -1],
    );
  });

  it("refuses what is no arithmetic", () => {
    assert.deepEqual(
      ['"text"', "unknown", "1 +", "new Map()", "{ a: 1 }"].map((text) => evaluate(text)),
      [undefined, undefined, undefined, undefined, undefined],
    );
  });

  it("agrees with JavaScript on sums of products", () => {
    const term = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 4 }), (terms) => {
        const value = terms.reduce((sum, factors) => sum + factors.reduce((product, factor) => product * factor), 0);

        assert.equal(evaluate(terms.map((factors) => factors.join(" * ")).join(" + ")), value);
      }),
    );
  });
});

describe("house: limits", () => {
  const limit = (value: number, unit: Limit["unit"]): Limit => ({ name: "X_MAX", value, unit, where: "runtime/x.ts" });

  it("writes rows that it then agrees with", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.constantFrom<Limit["unit"]>("ms", "bytes", "count", "s"), (value, unit) => {
        const [row = []] = rowsOf(rowFor(limit(value, unit)));

        assert.deepEqual([row[0], row[4]], ["X_MAX", "runtime/x.ts"]);
        assert(agrees(limit(value, unit), row[1] ?? "", row[2] ?? ""));
        assert(!agrees(limit(value + 1, unit), row[1] ?? "", row[2] ?? ""));
      }),
    );
  });

  it("does not take bytes for milliseconds", () => {
    assert(!agrees(limit(5, "ms"), "5", "bytes"));
    assert(!agrees(limit(5, "bytes"), "5", "count"));
  });

  it("finds constants that refer to others, and passes over what is no limit", () => {
    const text =
      "const BASE = 4;\nexport const A_MAX: number = BASE * KiB;\nexport const NAME = 3;\nconst B_MAX = 1;\n";

    const found = limitsOf(new Map([["runtime/x.ts", text]]));

    assert.deepEqual(found, [{ name: "A_MAX", value: 4096, unit: "count", where: "runtime/x.ts" }]);
  });
});

describe("house: reading files", () => {
  it("tells type imports, named or not, from those that load something", () => {
    const text = [
      'import type { A } from "#a.ts";',
      'import { type B, type C } from "#b.ts";',
      'import { type D, e } from "#c.ts";',
      'import "#d.ts";',
      // In two pieces, or this file would import it.
      ["const f = () => import", '("#e.ts");'].join(""),
      '// import { g } from "#f.ts";',
    ].join("\n");

    const found = importsOf(new Map([["x.ts", text]]), () => true);

    assert.deepEqual(
      found.map(({ specifier, typeOnly, dynamic }) => [specifier, typeOnly, dynamic]),
      [
        ["#a.ts", true, false],
        ["#b.ts", true, false],
        ["#c.ts", false, false],
        ["#d.ts", false, false],
        ["#e.ts", false, true],
      ],
    );
  });

  it("blanks comments and strings, keeping lines", () => {
    const text = 'a; // Date.now\n"Date.now"; /* Date.now\n */ b;';

    const code = withoutProse(text);

    assert(!code.includes("Date.now"));
    assert.deepEqual([code.length, code.split("\n").length, code.at(-2)], [text.length, 3, "b"]);
  });

  it("reads rows of tables and links outside code", () => {
    assert.deepEqual(rowsOf("| a | b |\n| --- | --- |\n| `x` | y |\n"), [["x", "y"]]);
    assert.deepEqual(linksOf("[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n"), ["b.md"]);
  });
});
