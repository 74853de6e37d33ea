/**
 * `cepa pack [--out DIR]`: makes the tarball of the library, `cepa/runtime`, `cepa/supervisor` and `cepa/testing`.
 *
 * The same sources give the same bytes. Exit code: 0 and the path on standard output; 1 when the sources cannot be
 * packed, with the reason; 2 when the command line is wrong.
 */
import "#cli/output.ts";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildPackage } from "#library/build-package.ts";
import { repository } from "#library/checkout.ts";
import { LibraryProblem } from "#library/sources.ts";
import { Staging } from "#library/staging.ts";

const HELP = `usage: cepa pack [options]

Compiles the actor runtime as a library and packs it: cepa/runtime, cepa/supervisor and cepa/testing for Node 22 and
later. Prints the path of the tarball; its size and digest go to standard error.

  --out DIR     where to put it (default: .)
  -h, --help    print this

Example:
  $ cepa pack --out /tmp && npm install /tmp/cepa-0.1.0.tgz
`;

const { out, help } = readArguments();
if (help) process.stdout.write(HELP);
else {
  try {
    const tarball = pack(resolve(out));
    const bytes = readFileSync(tarball);
    const digest = createHash("sha256").update(bytes).digest("hex");
    process.stderr.write(`cepa: ${bytes.length} bytes, sha256 ${digest}\n`);
    process.stdout.write(`${tarball}\n`);
  } catch (problem) {
    if (!(problem instanceof LibraryProblem)) throw problem;
    process.stderr.write(`cepa: ${problem.message}\n`);
    process.exitCode = 1;
  }
}

/** Answers with the path of the tarball. */
function pack(directory: string): string {
  using staging = new Staging(repository);
  buildPackage(repository, staging.directory);
  openFiles(staging.directory);
  mkdirSync(directory, { recursive: true });
  const packed = spawnSync("npm", ["pack", "--json", "--pack-destination", directory], {
    cwd: staging.directory,
    encoding: "utf8",
  });
  if (packed.status !== 0) throw new LibraryProblem(`npm pack failed: ${packed.error?.message ?? packed.stderr}`);
  const [{ filename }] = JSON.parse(packed.stdout) as [{ readonly filename: string }];
  return join(directory, filename);
}

/** The same modes whatever umask and checkout are: npm packs them. */
function openFiles(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    chmodSync(path, entry.isDirectory() ? 0o755 : 0o644);
    if (entry.isDirectory()) openFiles(path);
  }
}

function readArguments(): { readonly out: string; readonly help: boolean } {
  try {
    const options = {
      out: { type: "string", default: "." },
      help: { type: "boolean", short: "h", default: false },
    } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`cepa: ${error instanceof Error ? error.message : String(error)}\n`);
    return process.exit(2);
  }
}
