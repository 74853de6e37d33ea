/** The program that docs/testing.md explores: it runs as it stands there, and it sees the bug it is there for. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..", "..");
const page = readFileSync(join(root, "docs", "testing.md"), "utf8");
const [whole = "", program = ""] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
/** The shop of the first example, without what is done to it there. */
const shop = whole.slice(0, whole.indexOf("const { runs, repeated }")).replace(/^import \{ LinkMatrix.*\n/m, "");

/** From the directory of the package, which is where a package finds itself by its name. */
function run(code: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const options = { cwd: root, input: code, encoding: "utf8", timeout: 30_000 } as const;
  return spawnSync(process.execPath, ["--input-type=module-typescript", "-"], options);
}

describe("docs/testing.md: the explored program", () => {
  it("runs, in more than one interleaving", () => {
    const { status, stdout, stderr } = run(`${shop}${program}process.stdout.write(String(interleavings.runs > 1));`);

    assert.deepEqual([status, stdout], [0, "true"], stderr);
  });

  it("fails where the shop sells what it has not got", () => {
    const { status, stderr } = run(`${shop.replace(/^ *if \(count > state\.left\).*\n/m, "")}${program}`);

    assert.equal(status, 1);
    assert.match(stderr, /the last one is sold once/);
    assert.match(stderr, /in the interleaving (ann|ben) /);
  });
});
