/**
 * The release of this checkout, as it is: built twice by the real compiler and npm, verified, and its library built again. It
 * takes half a minute, so only `./cepa verify` does it; `./cepa test` does the same with a small repository.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { it } from "node:test";
import { repository } from "#library/checkout.ts";
import { LICENCE_POLICY } from "#release/licence-policy.ts";
import { makeRelease } from "#release/real/make.ts";
import { verifyRelease } from "#release/real/verify.ts";
import type { Gate } from "#release/verdict.ts";
import { must } from "#runtime/errors.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { newKey } from "#test/release/files.ts";

const skip = process.env["CEPA_RUNS"] === undefined ? "only ./cepa verify builds a whole release" : false;

/** Whether the registry can be asked is no matter of this checkout. */
const wrong = (gates: readonly Gate[]): readonly string[] =>
  gates
    .filter(({ name, verdict }) => name !== "audit" && verdict !== "pass")
    .map(({ name, reason }) => `${name}: ${reason}`);

it("release: this checkout can be released, and the release verified", { skip }, async (context) => {
  const folder = await tempDirectory(context);
  const [root, out] = [join(folder, "checkout"), join(folder, "release")];
  copyCheckout(root);
  const key = newKey();

  const made = must(await makeRelease({ root, policy: LICENCE_POLICY, out, key: key.sign }), "it is made");
  assert.deepEqual(wrong(made.gates), []);
  const options = { directory: out, key: key.verify, policy: LICENCE_POLICY, root };
  const { gates } = must(await verifyRelease(options), "it is read");
  assert.deepEqual(wrong(gates), []);
  assert(gates.some(({ name }) => name === "rebuilt"));
});

/** What git knows of, as it is now, in a commit of its own. */
function copyCheckout(root: string): void {
  const git = (cwd: string, ...args: readonly string[]): string => execFileSync("git", args, { cwd, encoding: "utf8" });
  const listed = git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate");
  for (const path of listed.split("\0").filter((name) => name !== "")) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    cpSync(join(repository, path), join(root, path));
  }
  git(root, "init", "--quiet");
  git(root, "add", "--all");
  git(root, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--message", "x");
  symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
  // Ignored as a folder, which a link is not.
  appendFileSync(join(root, ".git", "info", "exclude"), "node_modules\n");
}
