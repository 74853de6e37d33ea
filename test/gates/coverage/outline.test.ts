/** What there is to run, read from a source: lines and branches, whether anything loads it or not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { outlineOf } from "#gates/coverage/outline.ts";

/** Lines on which statements begin, and of each branch its text. */
function outlined(source: string) {
  const { lines, branches, text } = outlineOf(source);
  assert.equal(text.length, source.length, "positions are those of the source");
  return {
    lines: [...new Set(lines.map(({ line }) => line))],
    branches: branches.map(
      ({ at, instead }) => `${source.slice(at).split("\n")[0]}${instead === undefined ? "" : ", otherwise"}`,
    ),
  };
}

describe("outline: lines", () => {
  it("are those of statements, and of what a short arrow returns", () => {
    const source = [
      'import { x } from "y";',
      "export interface A { a: number }",
      "let later: A;",
      "const now = (n: number): number =>",
      "  n + 1;",
      "export function f(): void {",
      "  for (const a of b)",
      "    if (a) continue;",
      "}",
    ].join("\n");

    assert.deepEqual(outlined(source).lines, [4, 5, 7, 8]);
  });

  it("of types there are none", () => {
    assert.deepEqual(outlined('/** Types. */\nexport type A = "é" | 1;\n'), { lines: [], branches: [] });
  });
});

describe("outline: branches", () => {
  it("of an if are both, whether there is an else or not", () => {
    const source = "if (a) {\n  b;\n} else {\n  c;\n}\nif (d)\n  e;";

    assert.deepEqual(outlined(source).branches, ["{", "{", "e;", "if (d), otherwise"]);
  });

  it("of ?: are both, and of &&, || and ?? that the right side is come to, and that it is not", () => {
    const source = "x = a\n? b\n: c;\ny = d &&\ne;";

    assert.deepEqual(outlined(source).branches, ["b", "c;", "e;", "d &&, otherwise"]);
  });

  it("of a switch are its cases, without the one that no value comes to", () => {
    const source =
      "switch (a as A) {\ncase 1:\ncase 2:\nb();\nbreak;\ndefault:\nreturn_();\n}\n" +
      "function f() {\nswitch (a) {\ncase 3:\nreturn 1;\ndefault:\nreturn unreachable(a);\n}\n}";

    assert.deepEqual(outlined(source).branches, ["case 1:", "case 2:", "default:", "case 3:"]);
    assert(!outlined(source).lines.includes(14), "what closes a switch is no line to run");
  });
});
