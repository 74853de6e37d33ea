/** Mistakes that are planted in a source: which there are, and what is left alone. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mutantsOf, planted } from "#gates/mutation/mutants.ts";

/** Each as what stands there and what does instead. */
function mistakes(source: string): readonly string[] {
  return mutantsOf(source).mutants.map(({ from, to }) => `${from} → ${to}`);
}

describe("mutants: what is mistaken", () => {
  for (const [what, source, expected] of [
    ["bounds of a comparison", "x(a < b);", ["< → <=", "< → >="]],
    ["equality", "x(a === b);", ["=== → !=="]],
    ["arithmetic", "x((a) /* - */ + b * c);", ["+ → -", "* → /"]],
    ["texts are not added the other way round", 'x("a" + b);', ['"a" → ""']],
    ["a count", "a++; --b; c += d;", ["++ → --", "-- → ++", "+= → -="]],
    ["logic", "x(!a && b);", ["! →  ", "&& → ||"]],
    ["what stands for nothing", "x(a ?? b);", ["?? → &&"]],
    ["a decision, and not what it does", "if (a) { b(); }", ["a → true", "a → false"]],
    ["a choice", "x(a ? b : c);", ["a → true", "a → false"]],
    ["a loop", "while (a) { b(); }", ["a → false"]],
    ["what is gone through", "for (const a of b) { c(a); }", ["{ c(a); } → {}"]],
    ["what a function does", "function f() { a(); }", ["{ a(); } → {}"]],
    ["what it returns", "function f() { return a; }\nconst g = () => a;", ["a → undefined", "a → undefined"]],
    ["values", 'x(true, 7, 8n, "a", "");', ["true → false", "7 → 8", "8n → 9n", '"a" → ""', '"" → "planted"']],
    ["a value that may not be there", "x(a?.b, a?.[c], a?.(d));", ["?. → .", "?. → ", "?. → "]],
  ] as const) {
    it(`${what}: ${expected.length} in ${JSON.stringify(source)}`, () => {
      assert.deepEqual(mistakes(source), expected);
    });
  }

  it("is at its place in the source, types or not", () => {
    const source = "export const f = (a: number | undefined): boolean => (a as number) < 3;\n";
    const { text, mutants } = mutantsOf(source);
    const bound = mutants.find(({ to }) => to === "<=") ?? assert.fail();

    assert.equal(source.slice(bound.at, bound.end), "<");
    assert.equal(planted(text, bound).trim().replaceAll(/\s+/g, " "), "export const f = (a ) => (a ) <= 3;");
  });
});

describe("mutants: what is left alone", () => {
  for (const [what, source] of [
    ["imports", 'import a from "b";\nexport { c } from "d";\nexport * from "e";\nawait import("f");'],
    ["what an invariant says", 'assert(a, "it holds"); throw new Defect(`it broke`);'],
    ["keys", '({ "a-b": c });'],
    ["what closes a switch", "switch (a) { default: unreachable(a, 1); }"],
    ["a return of nothing, and an empty block", "function f() { return undefined; }\nfunction g() {}"],
    ["types", 'type A = "b" | 1;\ninterface C { d: true }'],
  ] as const) {
    it(what, () => {
      assert.deepEqual(mistakes(source), []);
    });
  }
});
