/**
 * `cepa release [key|check|audit|make|verify]`: makes releases that can be verified, and verifies them.
 *
 * Standard output has the verdicts, with `--json` as one line; what happens meanwhile goes to standard error.
 */
import "#cli/output.ts";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { readManifest, repository } from "#library/checkout.ts";
import { LICENCE_POLICY } from "#release/licence-policy.ts";
import { auditCheckout } from "#release/real/audit.ts";
import { readKeyFile, writeNew } from "#release/real/folder.ts";
import { checkSources, makeRelease, rehearse } from "#release/real/make.ts";
import { verifyRelease } from "#release/real/verify.ts";
import { fingerprintOf, makeKey, readPrivateKey, readPublicKey } from "#release/signing-key.ts";
import { exitCodeOf, type Gate, verdictOf } from "#release/verdict.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import { must } from "#runtime/errors.ts";

const HELP = `usage: cepa release key --out FILE
       cepa release check [--other-node NODE] [--json]
       cepa release audit [--json]
       cepa release make --out DIR --key FILE [--other-node NODE] [--json]
       cepa release verify DIR --key FILE.pub [--json]

Makes a release of the commit that is checked out, and verifies one that came from elsewhere.

  key      makes a pair of keys: FILE, which signs and which only its owner can read, FILE.pub, which verifies, and
           FILE.minisign.pub, the same for minisign. Nothing is written over
  check    makes a release and verifies it, all but the audit, and keeps nothing: what a release takes that needs no network
  audit    asks the registry whether an advisory is about a package of the lockfile
  make     both, and writes the release to DIR: sources, library, a bill of materials for each, where they come from, checksums,
           and signatures. Where something failed there is no release
  verify   says of each check of a release whether it passed. The key has to come from elsewhere than the release

  --other-node NODE  the second Node that artefacts are built with; the first one in PATH of another version than this
  --json             the last line is the verdict, as JSON
  -h, --help         print this

A check is pass, fail or not-checked: what could not be looked at has not passed.
Exit code: 0 all passed, 1 something failed, 2 a mistake in the command, 3 nothing failed and not all was checked.

Examples:
  $ cepa release key --out ~/cepa-release.key
  $ cepa release make --out cepa-0.1.0 --key ~/cepa-release.key
  $ cepa release verify cepa-0.1.0 --key cepa-release.key.pub
`;

const OPTIONS = {
  out: { type: "string" },
  key: { type: "string" },
  "other-node": { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** What each command takes beside `--json`. */
const TAKES: Readonly<Record<string, readonly string[]>> = {
  key: ["out"],
  check: ["other-node"],
  audit: [],
  make: ["out", "key", "other-node"],
  verify: ["key"],
};

const { values, positionals } = readArguments();
const [command = "", subject, ...rest] = positionals;
const root = repository;
const policy = LICENCE_POLICY;

if (values.help) process.stdout.write(HELP);
else if (TAKES[command] === undefined)
  refuse(command === "" ? "say what to do" : `there is no command ${command}: ${Object.keys(TAKES).join(", ")}`);
else {
  const unknown = (["out", "key", "other-node"] as const).find(
    (name) => values[name] !== undefined && !TAKES[command]?.includes(name),
  );
  if (unknown !== undefined) refuse(`${command} takes no --${unknown}`);
  if (rest.length > 0 || (command !== "verify" && subject !== undefined))
    refuse(`${command} takes no ${rest[0] ?? subject}`);
  if (command === "key") key();
  else if (command === "check") await check();
  else if (command === "audit") await audit();
  else if (command === "make") await make();
  else await verify();
}

function key(): void {
  const file = resolve(values.out ?? refuse("say where to put the key: --out FILE"));
  const { privateKey, publicKey, minisignPublicKey } = makeKey();
  obtain(
    writeNew([
      { path: file, text: privateKey, mode: 0o600 },
      { path: `${file}.pub`, text: publicKey, mode: 0o644 },
      { path: `${file}.minisign.pub`, text: minisignPublicKey, mode: 0o644 },
    ]),
  );
  const fingerprint = fingerprintOf(must(readPublicKey(publicKey), "a key that was just made can be read"));
  if (values.json) {
    say({ command, key: file, publicKey: `${file}.pub`, fingerprint });
    return;
  }
  process.stdout.write(`${fingerprint}\n`);
  note(`made ${file}, ${file}.pub and ${file}.minisign.pub; the line above is the SHA-256 of the public key`);
  note(`keep a copy of ${file} where only you can get at it, and never in a repository: who has it signs releases`);
  note(
    "without it no later release can be shown to be yours; give the .pub files to whoever receives releases, not with them",
  );
}

async function check(): Promise<void> {
  const checked = obtain(await checkSources({ root, policy, node: values["other-node"], onStep: note }));
  const { name, version, commit, gates } = checked;
  note("signing with a key that is forgotten, and verifying that");
  conclude({ name, version, commit }, [...gates, ...obtain(await rehearse(checked, policy))]);
}

async function audit(): Promise<void> {
  const { name, version } = readManifest(root);
  note("asking the registry for advisories");
  conclude({ name, version }, [await auditCheckout(root)]);
}

async function make(): Promise<void> {
  const directory = resolve(values.out ?? refuse("say where to put the release: --out DIR"));
  const file = values.key ?? refuse("say which key signs: --key FILE; cepa release key makes one");
  const signing = obtain(readPrivateKey(obtain(readKeyFile(file, { isSecret: true }))), file);
  const options = { root, policy, node: values["other-node"], onStep: note };
  const made = obtain(await makeRelease({ ...options, out: directory, key: signing }));
  const { name, version, commit, gates } = made;
  const isMade = gates.every(({ verdict }) => verdict !== "fail");
  conclude({ name, version, commit, ...(isMade ? { directory } : {}) }, gates);
  if (!isMade) note("there is no release: mend what failed, and make it again");
}

async function verify(): Promise<void> {
  const directory = subject ?? refuse("verify what? say which folder");
  const file = values.key ?? refuse("say whose signature it should have: --key FILE.pub");
  const signer = obtain(readPublicKey(obtain(readKeyFile(file, { isSecret: false }))), file);
  const verified = obtain(
    await verifyRelease({ root, policy, directory: resolve(directory), key: signer, onStep: note }),
  );
  const { name, version, commit, gates } = verified;
  conclude({ name, version, commit, directory: resolve(directory) }, gates);
}

/** The verdicts, and the exit code that says them. */
function conclude(about: Readonly<Record<string, string | undefined>>, gates: readonly Gate[]): void {
  const verdict = verdictOf(gates);
  process.exitCode = exitCodeOf(verdict);
  if (values.json) {
    const byName = Object.fromEntries(gates.map(({ name, verdict, reason }) => [name, { verdict, reason }]));
    say({ command, ...about, verdict, gates: byName });
    return;
  }
  const { name = "a release", version = "that cannot be read", commit } = about;
  process.stdout.write(`${name} ${version}${commit === undefined ? "" : `, commit ${commit}`}: ${verdict}\n`);
  for (const { name, verdict, reason } of gates) {
    process.stdout.write(`  ${(verdict === "fail" ? "FAIL" : verdict).padEnd(13)}${name}: ${reason}\n`);
  }
}

/** What went well; else the reason, in one line, and the end. */
function obtain<Value>(result: Result<Value, Failure & { readonly cause: string }>, of?: string): Value {
  if (result.ok) return result.value;
  const { code, cause, ...rest } = result.failure;
  const subject = Object.values(rest).find((value) => typeof value === "string") ?? of;
  const message = subject === undefined ? cause : `${subject}: ${cause}`;
  if (values.json) process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`);
  else process.stderr.write(`cepa: ${message} (${code})\n`);
  return process.exit(1);
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function note(text: string): void {
  process.stderr.write(values.json ? `${JSON.stringify({ note: text })}\n` : `cepa: ${text}\n`);
}

function refuse(what: string): never {
  process.stderr.write(`cepa: ${what}: see cepa release --help\n`);
  return process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
