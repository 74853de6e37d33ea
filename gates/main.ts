/**
 * `cepa gates [--json]`: what a release still needs.
 *
 * It decides nothing by itself: it says what `specs/gates.md` says, which has the command that decides each gate.
 */
import "#cli/output.ts";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Gate, gatesOf, problemsOf } from "#gates/page.ts";

const HELP = `usage: cepa gates [--json]

Says of each gate of a release whether it is true, false or undecided, by which command it is decided, and what that
last came to (specs/gates.md). Exit code: 0 all are true, 1 one is not: no release, 2 the page is not as it has to be.

  --json      one line for each gate, then one with the counts
  -h, --help  print this

Examples:
  $ cepa gates
  $ cepa gates --json | grep '"state":"false"'
`;

const root = join(import.meta.dirname, "..");
const { json } = readArguments();
const gates = gatesOf(read("specs/gates.md"));
const problems = problemsOf(gates, read("cepa"), (path) => existsSync(join(root, path)));
for (const problem of problems) process.stderr.write(`cepa: specs/gates.md: ${problem}\n`);
if (problems.length > 0) process.exit(2);

const counts = { true: 0, false: 0, undecided: 0 };
for (const gate of gates) {
  counts[gate.state] += 1;
  process.stdout.write(`${json ? JSON.stringify(gate) : told(gate)}\n`);
}
const isReleasable = counts.true === gates.length;
process.stdout.write(
  json
    ? `${JSON.stringify({ release: isReleasable ? "allowed" : "blocked", ...counts })}\n`
    : `\n${counts.true} true, ${counts.false} false, ${counts.undecided} undecided: ${isReleasable ? "a release may be made" : "no release"}\n`,
);
process.exitCode = isReleasable ? 0 : 1;

function told({ id, says, decidedBy, result, state }: Gate): string {
  return `${state.padEnd(10)} ${id.padEnd(6)} ${says}\n${" ".repeat(18)}${result} (${decidedBy})`;
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function readArguments(): { readonly json: boolean } {
  try {
    const { values } = parseArgs({
      options: { json: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } },
    });
    if (!values.help) return values;
    process.stdout.write(HELP);
    return process.exit(0);
  } catch (error) {
    process.stderr.write(`cepa: ${error instanceof Error ? error.message : String(error)}: see cepa gates --help\n`);
    return process.exit(2);
  }
}
