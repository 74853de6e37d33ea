/**
 * `cepa gates [ID…] [--all] [--json]`: what a release still needs.
 *
 * It decides nothing by itself: it says what `specs/gates.md` says, which has the command that decides each gate.
 */
import "#cli/output.ts";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Gate, gatesOf, nameOf, problemsOf } from "#gates/page.ts";
import { shortLines, wholeRow } from "#gates/told.ts";

const HELP = `usage: cepa gates [--all] [--json] [id...]

Says of each gate of a release whether it is true, false or undecided: a line for each, those first that are in the way, with
what they last came to. With an id, or --all, whole rows: what a gate is read as, and which command decides it (specs/gates.md).
Exit code: 0 all gates that were asked for are true, 1 one is not: no release, 2 a mistake in the command or in the page,
or no page.

  --all       whole rows of all gates
  --json      one line for each gate, then one with the counts of all
  -h, --help  print this

Examples:
  $ cepa gates
  $ cepa gates 13.9c
  $ cepa gates 13.9
  $ cepa gates --json | grep '"state":"false"'
`;

/** Where output is no terminal. */
const COLUMNS = 100;

const root = join(import.meta.dirname, "..");
const { all, json, ids } = readArguments();
const gates = gatesOf(read("specs/gates.md"));
const problems = problemsOf(gates, read("cepa"), (path) => existsSync(join(root, path)));
for (const problem of problems) process.stderr.write(`cepa: specs/gates.md: ${problem}\n`);
if (problems.length > 0) process.exit(2);
for (const id of ids) {
  if (!gates.some((gate) => isMeant(gate, id))) refuse(`there is no gate ${id}: cepa gates has them all`);
}

const counts = { true: 0, false: 0, undecided: 0 };
for (const { state } of gates) counts[state] += 1;
const isReleasable = counts.true === gates.length;
const chosen = ids.length === 0 ? gates : gates.filter((gate) => ids.some((id) => isMeant(gate, id)));
if (json) {
  for (const gate of chosen) print(JSON.stringify(gate));
  print(JSON.stringify({ release: isReleasable ? "allowed" : "blocked", ...counts }));
} else tell();
process.exitCode = chosen.every(({ state }) => state === "true") ? 0 : 1;

function tell(): void {
  // Some terminals say that they have no columns.
  const columns = process.stdout.columns || COLUMNS;
  const summary = `${counts.true} true, ${counts.false} false, ${counts.undecided} undecided: ${isReleasable ? "a release may be made" : "no release"}`;
  if (ids.length > 0 || all) {
    for (const [index, gate] of chosen.entries()) {
      print([...(index > 0 ? [""] : []), ...wholeRow(gate, columns)].join("\n"));
    }
    if (ids.length === 0) print(`\n${summary}`);
    return;
  }
  print(`${summary}\n`);
  print(shortLines(chosen, columns).join("\n"));
  print(`\nWhole rows: cepa gates ID, or --all\n${summary}`);
}

/** By its id, or by that of its box. */
function isMeant(gate: Gate, id: string): boolean {
  return gate.id === id || nameOf(gate.id) === id;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        all: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
    if (!values.help) return { ...values, ids: positionals };
    process.stdout.write(HELP);
    return process.exit(0);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}: see cepa gates --help\n`);
  process.exit(2);
}
