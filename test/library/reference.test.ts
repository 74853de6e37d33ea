/** The pages of `docs/api` say what the sources say, and every export says something. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { repository } from "#library/checkout.ts";
import { readLibrary, writeReference } from "#library/reference.ts";
import type { Sources } from "#library/sources.ts";

const stored = (path: string): string => readFileSync(join(repository, path), "utf8");

/** The library with one more export of `cepa/runtime`, as `code` declares it. */
function planted(code: string, name = "planted"): Sources {
  const { files, packages } = readLibrary(repository);
  const entry = `${files.get("runtime/index.ts")}export { ${name} } from "#runtime/planted.ts";\n`;
  const module = `/** A module that is not there. */\nimport { ok } from "#runtime/errors.ts";\n\n${code}\nok();\n`;
  return { files: new Map([...files, ["runtime/index.ts", entry], ["runtime/planted.ts", module]]), packages };
}

describe("library: the reference", () => {
  it("is that of the sources: otherwise run node library/document.ts (LIB-4)", () => {
    for (const [path, page] of writeReference(repository)) assert.equal(stored(path), page, `${path} is stale`);
  });

  it("has every name that an entry exports, under a heading that the contents lead to", () => {
    for (const entry of ["runtime", "supervisor"]) {
      const page = stored(`docs/api/${entry}.md`);
      const source = stored(`${entry}/index.ts`).replaceAll(/\/\*[\s\S]*?\*\//g, "");
      const names = [...source.matchAll(/\{([^}]*)\}/g)].flatMap(
        ([, list = ""]) => list.match(/(?!type )\b\w+\b/g) ?? [],
      );
      const headings = [...page.matchAll(/^## (\w+)$/gm)].map(([, name = ""]) => name);

      assert.deepEqual(headings.toSorted(), names.filter((name) => name !== "type").toSorted());
      for (const name of headings)
        assert(page.includes(`[${name}](#${name.toLowerCase()}`), `the contents lack ${name}`);
    }
  });

  it("grows with the sources (catches a page that is stale)", () => {
    const pages = writeReference(repository, planted("/** Just planted. */\nexport const planted: number = 1;"));

    assert.match(
      pages.get("docs/api/runtime.md") ?? "",
      /## planted\n\nJust planted\.\n\n```ts\nconst planted: number;\n```/,
    );
    assert.notEqual(pages.get("docs/api/runtime.md"), stored("docs/api/runtime.md"));
  });

  it("shows every overload, and nothing that is private", () => {
    const code = [
      "/** Says it twice. */",
      "export function planted(): void;",
      "export function planted(twice: boolean): void;",
      "export function planted(_twice?: boolean): void {}",
      "/** Keeps things to itself. */",
      "export class Kept {",
      "  readonly shown = 1;",
      "  /** Not for you. */",
      "  private hidden = 2;",
      "  #more = this.hidden;",
      "  get sum(): number {",
      "    return this.#more;",
      "  }",
      "}",
    ].join("\n");
    const page = writeReference(repository, planted(code, "planted, Kept")).get("docs/api/runtime.md") ?? "";

    assert.match(
      page,
      /Says it twice\.\n\n```ts\nfunction planted\(\): void;\nfunction planted\(twice: boolean\): void;\n```/,
    );
    assert.match(page, /```ts\nclass Kept \{\n {2}readonly shown = 1;\n {2}get sum\(\): number;\n\}\n```/);
  });

  it("is not written where an export has no doc comment (LIB-4)", () => {
    assert.throws(
      () => writeReference(repository, planted("export const planted: number = 1;")),
      /^LibraryProblem: planted has no doc comment in runtime\/planted\.ts$/,
    );
  });

  it("is not written where an export is declared somewhere else", () => {
    assert.throws(
      () => writeReference(repository, planted('export { fail as planted } from "#runtime/errors.ts";')),
      /^LibraryProblem: planted is not declared in runtime\/planted\.ts$/,
    );
  });
});
