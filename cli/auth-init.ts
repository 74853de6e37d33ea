/**
 * `cepa auth init`: makes the authorities, certificates and the configuration that a first try of auth takes.
 *
 * Nothing that is there is written over: before the first file it is looked whether any of them exists, and each gets its name
 * only where nothing has it. Whatever goes wrong between, what was written until then is taken away again.
 */
import { linkSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { print } from "#cli/console.ts";
import { errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { writeOwn } from "#cli/own-file.ts";
import { makeTrust, TRUST_FILES, type TrustFile } from "#cli/trust-files.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface AuthInitOptions {
  readonly out: string;
  /** Further names and addresses of the listener. */
  readonly host?: readonly string[];
  readonly json?: boolean;
}

/** Of files that everybody may read. The umask of the user takes from it what it wants. */
const OPEN_MODE = 0o644;
const SECRET_MODE = 0o600;

export async function authInit({ out, host = [], json }: AuthInitOptions): Promise<Outcome> {
  const directory = resolve(out);
  // A configuration has it in one line. The working directory may be one of these, too.
  if (/\p{Cc}/u.test(directory)) {
    return fail({ code: "cli.file-unwritable", message: "the path of the directory has control characters" });
  }
  const files = await makeTrust({ directory, hosts: host, nowMs: Date.now() });
  const written = writeNew(directory, files);
  if (!written.ok) return written;
  if (json === true) print(JSON.stringify({ directory, files: files.map(({ name }) => name) }));
  else for (const line of tale(directory)) print(line);
  return ok();
}

/** All of them or none. */
export function writeNew(directory: string, files: readonly TrustFile[]): Outcome {
  const written: string[] = [];
  try {
    const there = files.find(({ name }) => exists(join(directory, name)));
    if (there !== undefined) return isThere(join(directory, there.name));
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const { name, text, isSecret } of files) {
      const path = join(directory, name);
      writeOwn(path, text, linkSync, isSecret ? SECRET_MODE : OPEN_MODE);
      written.push(path);
    }
    return ok();
  } catch (error) {
    for (const path of written) rmSync(path, { force: true });
    const next = join(directory, files[written.length]?.name ?? "");
    if (errnoOf(error) === "EEXIST" && exists(next)) return isThere(next);
    return fail({ code: "cli.file-unwritable", message: `${directory}: ${reasonOf(error)}` });
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isThere(path: string): Outcome<never> {
  const message = `${path} exists, and nothing was written: give --out another directory, or take it away`;
  return fail({ code: "cli.file-exists", message });
}

function tale(directory: string): readonly string[] {
  const { producerAuthority, config } = TRUST_FILES;
  return [
    `made in ${directory}: three authorities, an administrator's certificates, and ${config}`,
    "",
    "Start a node that trusts them:",
    `  $ cepa up --config ${join(directory, config)}`,
    "Certify the key of a producer:",
    `  $ ssh-keygen -s ${join(directory, producerAuthority)} -I NAME -n fdc-producer -V +52w producer.pub`,
    "See who asks to be let in, and let them:",
    `  $ cepa auth pending --admin ${directory}`,
    "",
    "Files that only you can read are keys: who has them certifies producers, or is an administrator.",
  ];
}
