/** The example of docs/testing.md: it is the code that the compiler sees here, it runs, and it sees the bug it is there for. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..", "..");
const page = readFileSync(join(root, "docs", "testing.md"), "utf8");
const code = /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? "";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** From the directory of the package, which is where a package finds itself by its name. */
function run(text: string): Promise<Ended> {
  return new Promise((resolve) => {
    const args = ["--input-type=module-typescript", "-"];
    const child = execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
    child.stdin?.end(text);
  });
}

describe("docs/testing.md: the example", () => {
  it("is what is compiled here", () => {
    assert.equal(code, readFileSync(join(import.meta.dirname, "example.ts"), "utf8"));
  });

  it("runs, and prints what the page says", async () => {
    const { code: exit, stdout, stderr } = await run(code);

    assert.deepEqual([exit, stdout], [0, "200 seeds, 10 of them the same again\n"], stderr);
    assert(page.includes(stdout.trim()));
  });

  it("fails as the page says without the line that is there for a lost answer", async () => {
    const { code: exit, stderr } = await run(code.replace(/^ *if \(state\.sold\.has\(order\)\).*\n/m, ""));

    assert.equal(exit, 1);
    const [said = "none"] = /seed 1: .*/.exec(stderr) ?? [stderr];
    assert(page.includes(said), said);
  });

  it("fails where the actor uses the real clock", async () => {
    const { code: exit, stderr } = await run(code.replace("state.left -= count;", "state.left -= count; Date.now();"));

    assert.equal(exit, 1);
    assert.match(stderr, /seed 1: Defect: a simulation touched the real world: Date\.now\n/);
  });
});
