/**
 * `cepa verify [STAGE…] [--minutes M] [--json]`: everything that can be decided on one machine, one stage after the other.
 *
 * Standard output has what the stages print, and the verdicts at the end; with `--json` the verdicts alone.
 */
import "#cli/output.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Leash } from "#gates/verify/leash.ts";
import { STAGES, type Stage } from "#gates/verify/stages.ts";
import { isPassed, verify } from "#gates/verify/verify.ts";
import { second } from "#runtime/units.ts";

const MINUTES = 90;
const INTERRUPTIONS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const MINUTES_MAX = 10_080;

const width = Math.max(...STAGES.map(({ name }) => name.length));
const HELP = `usage: cepa verify [options] [stage...]

Runs everything that can be decided on one machine: all stages, or those that are named, one after the other.

${STAGES.map(({ name, command, says }) => `  ${name.padEnd(width)}  ./cepa ${command.join(" ")}: ${says}`).join("\n")}

  --minutes M  how long it may take; ${MINUTES} unless it is said. What the other stages leave of them is for fresh seeds, of
               which 240 minutes are enough for 10 000. No stage is cut short
  --json       the last line is the verdict of each stage, as JSON
  -h, --help   print this

Exit code: 0 every stage passed, 1 one did not, or could not look at all it is there for, 2 a mistake in the command.

Examples:
  $ cepa verify
  $ cepa verify --minutes 240
  $ cepa verify hunt --minutes 10
`;

const root = join(import.meta.dirname, "..", "..");
const { minutes, json, stages } = readArguments();
for (const signal of INTERRUPTIONS) process.once(signal, () => process.exit(128 + constants.signals[signal]));
const startedMs = performance.now();
const verified = await verify({ stages, minutes, nowMs: () => performance.now(), run });
const seconds = Math.round((performance.now() - startedMs) / second);
const verdict = isPassed(verified) ? "pass" : "fail";
for (const one of verified) note(`${one.verdict.padEnd(7)}  ${one.stage.padEnd(width)}  ${one.seconds} s`);
if (json) process.stdout.write(`${JSON.stringify({ verdict, seconds, stages: verified })}\n`);
else process.stdout.write(`\n${verdict}: ${verified.length} stages in ${seconds} s\n`);
process.exitCode = verdict === "pass" ? 0 : 1;

async function run({ name, env = {} }: Stage, command: readonly string[]): Promise<number | null> {
  note(`${name}: ./cepa ${command.join(" ")}`);
  const child = spawn(join(root, "cepa"), command, {
    cwd: root,
    env: { ...env, ...process.env },
    // What is printed there belongs to nobody who reads the verdicts alone.
    stdio: ["ignore", json ? 2 : "inherit", "inherit"],
    detached: true,
  });
  // The whole group: the launcher runs the checks, and does not hand a signal on.
  using _leash = child.pid === undefined ? undefined : new Leash(child.pid);
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

function readArguments(): { readonly minutes: number; readonly json: boolean; readonly stages: readonly Stage[] } {
  try {
    const { values, positionals } = parseArgs({
      options: {
        minutes: { type: "string", default: `${MINUTES}` },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
    if (values.help) {
      process.stdout.write(HELP);
      return process.exit(0);
    }
    const given = Number(values.minutes);
    if (!(given > 0 && given <= MINUTES_MAX))
      refuse(`--minutes is a number above 0, at most ${MINUTES_MAX}, not "${values.minutes}"`);
    const unknown = positionals.find((name) => !STAGES.some((stage) => stage.name === name));
    if (unknown !== undefined) refuse(`there is no stage "${unknown}": ${STAGES.map(({ name }) => name).join(", ")}`);
    const chosen = STAGES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
    return { minutes: given, json: values.json, stages: chosen };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function note(line: string): void {
  process.stderr.write(`cepa: ${line}\n`);
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}: see cepa verify --help\n`);
  process.exit(2);
}
