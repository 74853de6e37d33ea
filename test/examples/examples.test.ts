/**
 * The examples run as their first lines say, and print what a reader is told to watch.
 *
 * Those in `examples/producer` need a node: `test/e2e/ingest.test.ts` runs them.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { expected } from "#test/examples/expected.ts";

const root = join(import.meta.dirname, "..", "..");
const LINES_MAX = 80;
/** An example that takes longer hangs. */
const TIMEOUT_MS = 60_000;

describe("examples: producers", () => {
  for (const [name, command, lists] of [
    ["producer.ts", process.execPath, [[], ["redis://127.0.0.1:1", "me", "hosts/mine"]]],
    ["producer.py", "python3", [[], ["redis://127.0.0.1:1", "me", "hosts/mine"]]],
    ["producer.sh", "sh", [[], ["publish"], ["renew", "redis://127.0.0.1:1"], ["no-command", "a"]]],
  ] as const) {
    it(`${name} says how it is called where it is not called so`, () => {
      for (const list of lists) {
        const path = join(root, "examples", "producer", name);
        const ran = spawnSync(command, [path, ...list], { encoding: "utf8", timeout: TIMEOUT_MS, input: "" });

        assert.deepEqual([ran.status, ran.stdout], [2, ""], ran.stderr);
        assert.match(ran.stderr, /^(Usage: .*producer\.(ts|py) URL KEY_FILE|A producer with nothing but redis-cli)/);
        assert.doesNotMatch(ran.stderr, /Traceback|not set|at async|Error/);
      }
    });
  }
});

describe("examples", () => {
  it("are all watched here, and small", () => {
    const names = readdirSync(join(root, "examples")).filter((name) => name !== "producer");
    const sizes = names.map((name) => readFileSync(join(root, "examples", name), "utf8").split("\n").length - 1);

    assert.deepEqual(names.sort(), Object.keys(expected).sort());
    assert(Math.max(...sizes) < LINES_MAX, `an example has ${Math.max(...sizes)} lines`);
  });

  it("are run as the README says", () => {
    const [, command = ""] = /`([^`]+counter\.ts)`/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
    const { stdout } = spawnSync("/bin/sh", ["-c", command], { cwd: root, encoding: "utf8", timeout: TIMEOUT_MS });

    assert.deepEqual(stdout.trimEnd().split("\n"), expected["counter.ts"]);
  });

  for (const [name, lines] of Object.entries(expected)) {
    it(`${name} prints what it says, by the command that it names`, () => {
      const [, command = ""] = /`([^`]+)`/.exec(readFileSync(join(root, "examples", name), "utf8")) ?? [];
      const { stdout, status } = spawnSync("/bin/sh", ["-c", command], {
        cwd: root,
        encoding: "utf8",
        timeout: TIMEOUT_MS,
      });

      assert.deepEqual([stdout.trimEnd().split("\n"), status], [lines, 0]);
    });
  }
});
