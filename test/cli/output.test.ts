/** The end of output: every command of the checkout ends by itself when nobody takes what it prints. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..");
/** Nodes, and the command line, which has failures told in its own way. */
const OTHERS = ["supervisor/main.ts", "supervisor/compile.ts", "cli/main.ts"];

/** What such a command ends with, and says, that does this and nothing else. */
function refused(script: string): { readonly code: number | null; readonly stderr: string } {
  const module = `import ${JSON.stringify(join(root, "cli/output.ts"))};\nimport fs from "node:fs";\n${script}`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", module], {
    encoding: "utf8",
    env: { ...process.env, TMPDIR: "/nowhere" },
  });
  return { code: status, stderr };
}

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

  it("ends it with a sentence where the system refuses a path, at once or later, and nobody has caught that", () => {
    const later = 'await fs.promises.readFile("/proc/self/mem/x")';
    const spawned = 'const { spawn } = await import("node:child_process"); spawn("/no/program")';

    assert.deepEqual(refused('fs.mkdtempSync("/nowhere/cepa-")'), {
      code: 2,
      stderr:
        "cepa: /nowhere/cepa-XXXXXX: no such file or directory (mkdtemp). Let TMPDIR name a directory that may be written, not /nowhere\n",
    });
    assert.deepEqual(refused(later), {
      code: 2,
      stderr: "cepa: /proc/self/mem/x: not a directory (open). Mend that, and try again\n",
    });
    assert.deepEqual(refused(spawned), {
      code: 2,
      stderr: "cepa: /no/program: no such file or directory (spawn /no/program). Mend that, and try again\n",
    });
  });

  it("keeps the stack of a defect", () => {
    const { code, stderr } = refused('throw new TypeError("a bug")');

    assert.equal(code, 1);
    assert.match(stderr, /TypeError: a bug\n {4}at file:/);
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
