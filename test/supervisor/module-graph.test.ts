/** What the root loads, proven by walking its static imports: it stays small and knows no actor (architecture §2). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..");
/** `import … from "x"`, `export … from "x"`, `import "x"`: not `import type`, not `import()`. */
const STATIC = /^(?:import|export)\s+(?!type\b)(?:[^"';()]*?\sfrom\s+)?"([^"]+)"/gm;

interface Graph {
  readonly files: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
}

function walk(entry: string): Graph {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const [, target = ""] of readFileSync(join(root, file), "utf8").matchAll(STATIC)) {
      if (target.startsWith("#")) visit(target.slice(1));
      else if (!target.startsWith("node:")) packages.add(target);
    }
  };
  visit(entry);
  return { files, packages };
}

describe("root: its module graph", () => {
  it("is node:, xstate, smol-toml, runtime/ and supervisor/ (SUP-13)", () => {
    const { files, packages } = walk("supervisor/main.ts");

    assert.deepEqual([...packages].sort(), ["smol-toml", "xstate"]);
    assert.deepEqual(
      [...files].filter((file) => !file.startsWith("runtime/") && !file.startsWith("supervisor/")),
      [],
    );
    assert.equal(files.has("supervisor/supervisor.ts"), true, "the walk follows imports");
  });

  it("does not hold what only cells need", () => {
    const { files } = walk("supervisor/main.ts");

    assert.deepEqual(
      [...files].filter((file) => file.startsWith("supervisor/cell/") || file === "supervisor/catalogue.ts"),
      [],
    );
  });
});

describe("cells: their module graph", () => {
  it("has HTTP, the store and the thread pool only where they are used", () => {
    const { files, packages } = walk("supervisor/cell-main.ts");

    assert.equal(files.has("runtime/real/edge.ts"), false);
    assert.deepEqual(
      [...packages].filter((name) => ["lmdb", "piscina", "prom-client"].includes(name)),
      [],
    );
  });
});
