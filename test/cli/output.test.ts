/** The end of output: every command of the checkout ends by itself when nobody takes what it prints. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..");
/** Nodes, and the command line, which has failures told in its own way; a soak prints a line in minutes. */
const OTHERS = ["supervisor/main.ts", "supervisor/compile.ts", "cli/main.ts", "chaos/real/soak/main.ts"];

/** The exit code of the first of two, and what it said. */
function ended(command: string): { readonly code: number; readonly stderr: string } {
  const script = `"$0" ${command}; printf '\\n%s' "\${PIPESTATUS[0]}" >&2`;
  const { stderr } = spawnSync("bash", ["-c", script, process.execPath], { cwd: root, encoding: "utf8" });
  const at = stderr.lastIndexOf("\n");
  return { code: Number(stderr.slice(at + 1)), stderr: stderr.slice(0, at) };
}

describe("output of a command of the checkout", () => {
  it("ends it quietly when the reader is gone, while it prints and after it", () => {
    // The reader is gone before anything is printed.
    assert.deepEqual(ended("gates/main.ts --json | exec 0<&-"), { code: 141, stderr: "" });
    assert.deepEqual(ended("gates/verify/main.ts --help | exec 0<&-"), { code: 141, stderr: "" });
  });

  it("ends it with a sentence, and not with 0, when it cannot be written", () => {
    const stderr = "cepa: standard output cannot be written: no space left on device\n";

    assert.deepEqual(ended("gates/main.ts >/dev/full"), { code: 1, stderr });
    assert.deepEqual(ended("gates/verify/main.ts --help >/dev/full"), { code: 1, stderr });
  });

  it("is looked after in each that the launcher starts", () => {
    const launcher = readFileSync(join(root, "cepa"), "utf8");
    const mains = [...launcher.matchAll(/"\$root\/([\w/-]+\.ts)"/g)].map(([, path = ""]) => path);
    const without = [...new Set(mains)].filter((path) => {
      return !OTHERS.includes(path) && !/^import "#cli\/output\.ts";$/m.test(readFileSync(join(root, path), "utf8"));
    });

    assert(mains.includes("bench/main.ts"));
    assert.deepEqual(without, []);
  });
});
