/** A node process that is asked how, or wrongly: it says so, and nothing of a node begins. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";

const ROOT = join(import.meta.dirname, "..", "fixture", "root.ts");

function root(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [ROOT, ...args], { encoding: "utf8" });
  return { code: status, stdout, stderr };
}

describe("a node process", () => {
  it("that is asked how to start one says that, and ends with 0", () => {
    const { code, stdout, stderr } = root("--help");

    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^usage: cepa up /i);
  });

  it("that is asked for what there is not ends with 2, and says what is wrong: to scripts on stdout, too", () => {
    const [plain, json] = [root("--frob"), root("--frob", "--json")];

    assert.deepEqual([plain.code, plain.stdout, json.code], [2, "", 2]);
    assert.match(plain.stderr, /^cepa: .*--frob/);
    assert.equal(json.stderr, plain.stderr);
    const { event, message } = JSON.parse(json.stdout);
    assert.equal(event, "failed");
    assert.match(message, /--frob/);
  });
});
