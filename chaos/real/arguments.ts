/** What `cepa chaos` is asked: a command, what it is about, and the options that this command has. */
import { parseArgs } from "node:util";
import { HELP } from "#chaos/help.ts";
import { HUNT_RUNS_MAX } from "#chaos/hunt.ts";
import { didYouMean } from "#cli/did-you-mean.ts";

type Option = "seed" | "executor" | "minutes" | "runs" | "plant" | "json";

/** Its options, and what it may be about. */
const COMMANDS: Readonly<Record<string, { readonly options: readonly Option[]; readonly hasSubject?: true }>> = {
  list: { options: ["json"] },
  run: { options: ["seed", "executor", "minutes", "plant", "json"], hasSubject: true },
  grid: { options: ["seed", "executor", "plant", "json"] },
  hunt: { options: ["seed", "minutes", "runs", "plant", "json"] },
  replay: { options: ["json"], hasSubject: true },
  shrink: { options: ["json"], hasSubject: true },
  report: { options: [], hasSubject: true },
  seeds: { options: ["json"] },
  plants: { options: ["json"] },
};

export interface Arguments {
  readonly command: string;
  readonly subject: string | undefined;
  readonly values: {
    readonly seed?: string | undefined;
    readonly executor?: string | undefined;
    readonly minutes?: string | undefined;
    readonly runs?: string | undefined;
    readonly plant?: string | undefined;
    readonly json: boolean;
  };
}

/** Ends the process where nothing of the kind can be asked: code 2. */
export function readArguments(): Arguments {
  const { values, positionals } = parse();
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const [command, subject, ...more] = positionals;
  if (command === undefined) return refuse("say what to do");
  const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (known === undefined) {
    const commands = [...Object.keys(COMMANDS), "soak"];
    return refuse(`there is no command ${command}${didYouMean(command, commands)}: ${commands.join(", ")}`);
  }
  const surplus = known.hasSubject ? more[0] : subject;
  if (surplus !== undefined) {
    return refuse(known.hasSubject ? `one thing at a time, not ${surplus} as well` : `${command} takes no ${surplus}`);
  }
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== false);
  const foreign = given.find(([name]) => !known.options.includes(name as Option));
  if (foreign !== undefined) return refuse(`${command} has no option --${foreign[0]}`);
  return { command, subject, values };
}

function parse() {
  try {
    return parseArgs({
      options: {
        seed: { type: "string" },
        executor: { type: "string" },
        minutes: { type: "string" },
        runs: { type: "string" },
        plant: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

export function seedOf(text: string): number {
  const seed = Number(text);
  return /^\d+$/.test(text) && seed < 2 ** 32 ? seed : refuse(`${text} is no seed: a whole number below 2^32`);
}

export function countOf(text: string): number {
  const count = Number(text);
  const isCount = /^\d+$/.test(text) && count >= 1 && count <= HUNT_RUNS_MAX;
  return isCount ? count : refuse(`--runs ${text} is no whole number from 1 to ${HUNT_RUNS_MAX}`);
}

export function minutesOf(text: string): number {
  const minutes = Number(text);
  const isTime = /^\d*\.?\d+$/.test(text) && minutes > 0;
  return isTime ? minutes : refuse(`--minutes ${text} is no number of minutes above 0`);
}

export function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

export function note(line: string): void {
  process.stderr.write(`cepa: ${line}\n`);
}

export function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}: see cepa chaos --help\n`);
  process.exit(2);
}
