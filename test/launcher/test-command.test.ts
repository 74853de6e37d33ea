/** `cepa test`: a failure of any kind is told and is an exit code. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

const MAIN = join(import.meta.dirname, "..", "main.ts");
const folder = mkdtempSync(join(tmpdir(), "cepa-test-command-"));
after(() => rmSync(folder, { recursive: true }));

/** Runs `cepa test` over one file with this text. */
function run(name: string, text: string, ...args: readonly string[]) {
  const path = join(folder, `${name}.test.ts`);
  writeFileSync(path, `import { describe, it } from "node:test";\n${text}`);
  // The runner marks its children, which would make this one report to it instead of running tests.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, [MAIN, path, ...args], { encoding: "utf8", env });
  return { code: status, stdout };
}

const passing = 'it("passes", () => undefined);';
const failing = 'describe("suite", () => { it("fails", () => { throw new Error("reason"); }); });';

describe("cepa test", () => {
  it("exits with 0 when every test passes, and counts them", () => {
    const { code, stdout } = run("passing", `${passing}\nit.skip("later", () => undefined);`);

    assert.equal(code, 0);
    assert.match(stdout, /\n1 passed, 0 failed, 1 skipped in 1 files, [\d.]+ s\n$/);
  });

  it("exits with 1 when a test fails, and says where and why", () => {
    const { code, stdout } = run("failing", passing + failing);

    assert.equal(code, 1);
    assert.match(stdout, /\nFAILED .*failing\.test\.ts\n {2}suite › fails\n {4}reason\n/);
    assert.match(stdout, /\n1 passed, 1 failed in 1 files/);
  });

  for (const [name, text] of Object.entries({
    "cannot be loaded": 'import "./missing.ts";',
    "ends its process": `${passing}\nprocess.exit(0);`,
    "has no test": "",
    "breaks after its tests": `${passing}\nsetTimeout(() => { throw new Error("late"); }, 50);`,
  })) {
    it(`exits with 1 when a file ${name}`, () => {
      assert.equal(run(name.replaceAll(" ", "-"), text).code, 1);
    });
  }

  it("says what was run with --coverage, and judges no part of the tests by it", () => {
    const { code, stdout } = run("covering", passing, "--coverage", "--json");

    assert.equal(code, 0);
    assert.match(stdout, /^not judged: part of the tests\. Of the files that they load:$/m);
    assert.doesNotMatch(stdout, /^runtime +0/m, "what no test loads is not told of");
    assert.deepEqual(JSON.parse(stdout.trim().split("\n").at(-1) ?? "").verdicts, []);
    assert.equal(run("covering", passing, "--json").code, 2);
  });

  it("exits with 2 when nothing matches, or an option is unknown", () => {
    const unknown = run("passing", passing, "--nonsense");
    const nothing = spawnSync(process.execPath, [MAIN, "no-such-word"]);

    assert.deepEqual([unknown.code, nothing.status], [2, 2]);
  });
});
