/** The programs that docs/testing.md explores: they run as they stand there, and the first sees the bug it is there for. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..", "..");
const page = readFileSync(join(root, "docs", "testing.md"), "utf8");
const [whole = "", program = "", stored = ""] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(
  ([, code = ""]) => code,
);
/** The shop of the first example, without what is done to it there. */
const shop = whole.slice(0, whole.indexOf("const { runs, repeated }")).replace(/^import \{ LinkMatrix.*\n/m, "");

/** From the directory of the package, which is where a package finds itself by its name. */
function run(code: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const options = { cwd: root, input: code, encoding: "utf8", timeout: 30_000 } as const;
  return spawnSync(process.execPath, ["--input-type=module-typescript", "-"], options);
}

describe("docs/testing.md: the explored programs", () => {
  it("run, the first in more than one interleaving, the second to each of its ends", () => {
    const seen = "process.stdout.write([interleavings.runs > 1, ...[...found].sort()].join());";
    const { status, stdout, stderr } = run(`${shop}${program}${stored}${seen}`);

    assert.deepEqual([status, stdout], [0, "true,0,1"], stderr);
  });

  it("fail where the shop sells what it has not got", () => {
    const { status, stderr } = run(`${shop.replace(/^ *if \(count > state\.left\).*\n/m, "")}${program}`);

    assert.equal(status, 1);
    assert.match(stderr, /the last one is sold once/);
    assert.match(stderr, /in the interleaving (ann|ben) /);
  });
});
