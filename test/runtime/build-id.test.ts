/** What makes another build, and what does not. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { readBuild } from "#runtime/real/build-id.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

/** Sources that were all written at the same moment, so that only what a test does makes a difference. */
async function sources(context: TestContext) {
  const root = await tempDirectory(context);
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
    utimesSync(join(root, path), 1, 1);
  };
  write("package.json", '{"version": "1.2.3"}');
  write("runtime/a.ts", "a");
  write("actors/storage/b.ts", "b");
  write("supervisor/c.ts", "c");
  return { root, write };
}

describe("build id", () => {
  it("is the same for the same sources, whatever lies beside them", async (context) => {
    const { root, write } = await sources(context);

    const before = readBuild(root);
    write("runtime/notes.md", "notes");
    write("docs/d.ts", "d");

    assert.match(before.id, /^[0-9a-f]{16}$/);
    assert.deepEqual(readBuild(root), before);
    assert.equal(before.version, "1.2.3");
  });

  const changes: Readonly<Record<string, (root: string, write: (path: string, text: string) => void) => void>> = {
    "a file that is longer": (_root, write) => write("actors/storage/b.ts", "bb"),
    "a file that was written later": (root) => utimesSync(join(root, "supervisor/c.ts"), 1, 2),
    "a new file in a new folder": (_root, write) => write("actors/index/b.ts", "b"),
    "a file less": (root) => rmSync(join(root, "runtime/a.ts")),
    "another name": (root) => renameSync(join(root, "runtime/a.ts"), join(root, "runtime/z.ts")),
    "another version": (_root, write) => write("package.json", '{"version": "1.2.4"}'),
  };
  for (const [change, make] of Object.entries(changes)) {
    it(`is another with ${change}`, async (context) => {
      const { root, write } = await sources(context);
      const before = readBuild(root).id;

      make(root, write);

      assert.notEqual(readBuild(root).id, before);
    });
  }
});
