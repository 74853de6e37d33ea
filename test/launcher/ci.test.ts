/** `.ci/run`, in a repository of its own whose `cepa` only says that it was called. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");

class Repository implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "cepa ci-"));

  constructor(readme: string, cepa: string) {
    mkdirSync(join(this.folder, ".ci"));
    copyFileSync(join(ROOT, ".ci", "run"), join(this.folder, ".ci", "run"));
    writeFileSync(join(this.folder, "README.md"), readme);
    writeFileSync(join(this.folder, "cepa"), `#!/bin/sh\n${cepa}\n`, { mode: 0o755 });
    for (const args of [
      ["init", "--quiet"],
      ["add", "--all"],
      ["commit", "--quiet", "--message", "x"],
    ]) {
      execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.org", ...args], { cwd: this.folder });
    }
  }

  run(): { readonly code: number | null; readonly stdout: string } {
    const { status, stdout } = spawnSync(join(this.folder, ".ci", "run"), { cwd: "/", encoding: "utf8" });
    return { code: status, stdout };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

const readme = readFileSync(join(ROOT, "README.md"), "utf8");

describe("ci: run", () => {
  it("runs the test command of our README on a clean clone, in CI and without input", () => {
    using repository = new Repository(readme, 'echo "called with $*, CI=$CI, $(cat | wc -c) bytes of input"');
    writeFileSync(join(repository.folder, "cepa"), "#!/bin/sh\necho not committed\n");

    const { code, stdout } = repository.run();

    assert.equal(code, 0);
    assert.equal(stdout.split("\n")[1], "called with test, CI=true, 0 bytes of input");
  });

  it("ends with the exit code of the tests", () => {
    using repository = new Repository(readme, "exit 3");

    assert.equal(repository.run().code, 3);
  });

  it("fails when the README tells no test command", () => {
    using repository = new Repository("# A project\n\n## Test\n\nBy hand.\n", "exit 0");

    assert.equal(repository.run().code, 1);
  });
});
