/**
 * The commands, their options and their help. With `arguments.ts`, `admin-options.ts` and the files named `…-commands.ts` the only
 * user of commander.
 *
 * Each action imports its own module: a command loads nothing of the others, and `--help` none at all.
 */
import { Command, CommanderError, Option } from "commander";
import {
  ADDRESS_FORM,
  lineOf,
  NAME_ARGUMENT,
  NAMES_FORM,
  type Passes,
  readActor,
  readAddress,
  readDuration,
  readFile,
  readLabel,
  readLabelOrName,
  readNameArgument,
  readNotEmpty,
  readNumber,
  readObjectName,
  readOneObjectName,
  readPasses,
  readRange,
  readTarget,
  TARGET_FORM,
  TARGETS_FORM,
} from "#cli/arguments.ts";
import { addAuth } from "#cli/auth-commands.ts";
import { noteFailure, printable } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import type { NodeChoice } from "#cli/find-node.ts";
import { NAMES_NOTES, PROGRAM_NOTES } from "#cli/help-notes.ts";
import { addIngest } from "#cli/ingest-commands.ts";
import { type ObjectName, readName } from "#cli/name.ts";
import { addUpkeep } from "#cli/upkeep-commands.ts";
import { withoutKeys } from "#client/link.ts";
import { LABEL_FORM } from "#client/name-record.ts";
import type { ContentRange } from "#client/private-object.ts";
import { ok } from "#runtime/errors.ts";

/** What a command line came to: what the command answered, or that it could not be understood. */
export type Run =
  | { readonly kind: "done"; readonly outcome: Outcome; readonly json: boolean }
  /** `code` 0 after help and version, 2 after a mistake; everything is printed already. */
  | { readonly kind: "told"; readonly code: 0 | 2 };

type Flags = NodeChoice & { readonly json?: boolean };
type KillFlags = Flags & { readonly at?: Passes };
type PutFlags = Flags & {
  readonly chunker?: string;
  readonly for?: number;
  readonly private?: boolean;
  readonly recursive?: boolean;
};
type GetFlags = Flags & {
  readonly output?: string;
  readonly clobber?: boolean;
  readonly range?: ContentRange;
  readonly recursive?: boolean;
  readonly setuid?: boolean;
};
type NameFlags = Flags & { readonly key?: string };
type SetNameFlags = NameFlags & { readonly expires?: number; readonly newKey?: boolean };

/** `argv` without program and script. */
export async function run(argv: readonly string[], version: string): Promise<Run> {
  let outcome: Outcome = ok();
  let json = false;
  const isJson = argv.includes("--json");
  const program = buildProgram(version, isJson, (result) => {
    outcome = result;
  });
  program.hook("postAction", async (_, command) => {
    json = command.opts<Flags>().json === true;
    if (outcome.ok || outcome.failure.code !== "cli.unreachable") return;
    const { withDownCell } = await import("#cli/down-cell.ts");
    outcome = await withDownCell(outcome.failure, command.opts<NodeChoice>());
  });
  try {
    await program.parseAsync(lineOf(program, argv), { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return { kind: "told", code: error.exitCode === 0 ? 0 : 2 };
    throw error;
  }
  return { kind: "done", outcome, json };
}

function buildProgram(version: string, isJson: boolean, answer: (outcome: Outcome) => void): Command {
  const program = new Command("cepa")
    .description("One self-hosted node: content-addressed storage on a supervised actor runtime.")
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        const message = text.replace(/^error: /, "").trimEnd();
        if (isJson) noteFailure({ code: "cli.usage", message }, { json: true });
        else write(withoutKeys(text).split("\n").map(printable).join("\n"));
      },
    })
    .showHelpAfterError(isJson ? false : "(see cepa --help)")
    .addHelpText("after", PROGRAM_NOTES);

  /** A command for the owner of a node on this machine: it needs the directory, a URL would be passed over. */
  const own = (usage: string, description: string, examples: readonly string[], parent: Command = program): Command =>
    parent
      .command(usage)
      .description(description)
      .option("--data <dir>", "the node's data directory (CEPA_DATA)", readNotEmpty)
      .addHelpText("after", `\nExamples:\n${examples.map((line) => `  $ cepa ${line}`).join("\n")}`);

  /** A command that asks a node, wherever it is. */
  const ask = (usage: string, description: string, examples: readonly string[], parent?: Command): Command =>
    own(usage, description, examples, parent).option("--url <url>", "the node's URL (CEPA_URL)", readNotEmpty);

  ask("put", "Store files and print the address of each; - is standard input.", [
    "put big.iso",
    "put - < big.iso",
    "put --private diary.txt",
    "put *.jpg --json",
    "put disk.img --chunker gear-fine/1",
    "put -r photos",
  ])
    .argument("<file...>", "what to store", readFile)
    .addOption(
      new Option(
        "-r, --recursive",
        "store what is in directories, with names, modes and symbolic links, without parts of a get -r; prints the address of each tree",
      ).conflicts(["private", "for"]),
    )
    .option("--json", "one JSON object a line")
    .option(
      "--chunker <name>",
      "how it is cut: gear-nc2/1 (default), gear-fine/1 for what shares many parts with other objects, fixed/1",
      readNotEmpty,
    )
    .addOption(
      new Option(
        "--private",
        "encrypt here, under a fresh key, and print a link; who has the link can read the file and its name",
      ).conflicts("chunker"),
    )
    .option("--for <time>", "hold it for so long (90m, 7d), not until it is removed", readDuration)
    .action(async (files: readonly string[], options: PutFlags) => {
      if (options.recursive === true) {
        const { putTrees } = await import("#cli/put-tree.ts");
        return answer(await putTrees(files, options));
      }
      const { put } = await import("#cli/put.ts");
      if (options.private !== true) return answer(await put(files, options));
      const { putPrivate } = await import("#cli/put-private.ts");
      answer(await put(files, options, putPrivate));
    });

  ask("get", "Fetch an object, verified against its address or decrypted by its private link.", [
    "get b3:… -o copy.iso",
    "get b3:… > copy.iso",
    "get name:KEY/site -o copy.iso --no-clobber",
    "get 'cepa:…#…' -o diary.txt",
    "get 'cepa:…#…' --range 0-1023",
    "get - -o diary.txt < link.txt",
    "get -r b3:… -o photos",
  ])
    .argument("<name>", NAME_ARGUMENT, readNameArgument)
    .option(
      "-o, --output <file>",
      "write here instead of standard output; an existing file is replaced in one step, and a new one that was decrypted is its owner's alone (0600)",
      readNotEmpty,
    )
    .option(
      "-r, --recursive",
      "fetch a tree into a directory, a new one for its owner alone (0700); goes on where it was interrupted; needs -o",
    )
    .option("--setuid", "with -r: restore set-user-ID, set-group-ID and sticky bits too")
    .option("--no-clobber", "fail if the file or directory exists")
    .addOption(
      new Option("--range <first-last>", "of a private object: bytes 0-99, or 100- for the rest")
        .argParser(readRange)
        .conflicts("recursive"),
    )
    .option("--json", "with -o: say what was written, as JSON")
    .action(async (given: ObjectName | string, options: GetFlags, command: Command) => {
      if (options.setuid === true && options.recursive !== true) command.error("error: --setuid needs -r");
      const name = await nameOf(given, options);
      if (!name.ok) return answer(name);
      if (options.recursive === true) {
        const { output } = options;
        if (output === undefined) return command.error("error: -r needs -o, the directory to write into");
        if (name.value.kind === "link") return command.error("error: -r takes the address of a tree");
        const { getTree } = await import("#cli/get-tree.ts");
        return answer(await getTree(name.value.address, { ...options, output }));
      }
      if (name.value.kind === "link") {
        const { getPrivate } = await import("#cli/get-private.ts");
        return answer(await getPrivate(name.value.link, options));
      }
      if (options.range !== undefined) command.error("error: --range is for private links");
      const { get } = await import("#cli/get.ts");
      answer(await get(name.value.address, options));
    });

  ask("stat", "Show size, chunks and manifest root of an object.", ["stat b3:…", "stat b3:… --json", "stat 'cepa:…#…'"])
    .argument("<name>", NAME_ARGUMENT, readNameArgument)
    .option("--json", "one JSON object")
    .action(async (given: ObjectName | string, options: Flags) => {
      const name = await nameOf(given, options);
      if (!name.ok) return answer(name);
      if (name.value.kind === "link") {
        const { statPrivate } = await import("#cli/get-private.ts");
        return answer(await statPrivate(name.value.link, options));
      }
      const { stat } = await import("#cli/stat.ts");
      answer(await stat(name.value.address, options));
    });

  for (const [name, description, examples] of HOLDS) {
    const command = ask(name, description, examples)
      .argument("<object...>", TARGETS_FORM, readObjectName)
      .option("--json", "one JSON object a line");
    if (name === "pin")
      command.option("--for <time>", "until then (90m, 7d); otherwise until it is let go", readDuration);
    command.action(async (targets: readonly string[], options: Flags & { readonly for?: number }) => {
      const { hold } = await import("#cli/hold.ts");
      answer(await hold(name, targets, options));
    });
  }

  addUpkeep(ask, answer);
  addAuth(program, answer);
  addIngest(program, answer);

  const car = program
    .command("car")
    .description("Objects as CAR files (CARv1, BLAKE3), for other tools and other nodes.")
    .addHelpText("after", "\nExamples:\n  $ cepa car export b3:… -o big.car\n  $ cepa car import big.car");

  ask("export", "Write an object and its manifest as a CAR.", ["car export b3:… -o big.car"], car)
    .argument("<address>", ADDRESS_FORM, readAddress)
    .option("-o, --output <file>", "write here instead of standard output", readNotEmpty)
    .option("--no-clobber", "fail if the file exists")
    .option("--json", "with -o: say what was written, as JSON")
    .action(async (address: string, options: Flags & { readonly output?: string; readonly clobber?: boolean }) => {
      const { carExport } = await import("#cli/car.ts");
      answer(await carExport(address, options));
    });

  ask(
    "import",
    "Store the object that a CAR was made of; - is standard input.",
    ["car import big.car", "car import - < big.car"],
    car,
  )
    .argument("<file>", "the CAR: one root, depth first, as export writes it", readNotEmpty)
    .option("--json", "one JSON object")
    .action(async (file: string, options: Flags) => {
      const { carImport } = await import("#cli/car.ts");
      answer(await carImport(file, options));
    });

  const names = program
    .command("name")
    .description("Names that lead to objects, and can be led elsewhere by whoever has their key.")
    .addHelpText("after", NAMES_NOTES);
  const askName = (usage: string, description: string, examples: readonly string[]): Command =>
    ask(usage, description, examples, names)
      .addOption(new Option("--key <file>", "the key, instead of ~/.config/cepa/name.key").argParser(readNotEmpty))
      .option("--json", "one JSON object a line");

  askName("set", "Lead a name to an object that the node holds, and print the name. The record is signed here.", [
    "name set site b3:…",
    "name set notes 'cepa:…'",
    "name set preview b3:… --expires 7d --key work.key",
    "name set preview b3:… --key other.key --new-key",
  ])
    .argument("<label>", `what you call it: ${LABEL_FORM}`, readLabel)
    .argument("<object>", TARGETS_FORM, readOneObjectName)
    .option("--expires <time>", "from then on it leads nowhere (90m, 7d)", readDuration)
    .option("--new-key", "make the key that --key names, where there is none")
    .action(async (label: string, target: string, options: SetNameFlags) => {
      const { setName } = await import("#cli/names.ts");
      answer(await setName(label, target, options));
    });

  askName("get", "Print where a name leads, verified.", ["name get site", "get name:KEY/site -o site.tar"])
    .argument("<name>", NAMES_FORM, readLabelOrName)
    .action(async (name: string, options: NameFlags) => {
      const { getName } = await import("#cli/names.ts");
      answer(await getName(name, options));
    });

  askName("history", "Show where a name has led, oldest first, verified.", ["name history site --json"])
    .argument("<name>", NAMES_FORM, readLabelOrName)
    .action(async (name: string, options: NameFlags) => {
      const { nameHistory } = await import("#cli/names.ts");
      answer(await nameHistory(name, options));
    });

  askName("list", "List the names of your key.", ["name list", "name list --json | jq -r .value"]).action(
    async (options: NameFlags) => {
      const { listNames } = await import("#cli/names.ts");
      answer(await listNames(options));
    },
  );

  ask("ps", "Show the supervision tree: cells and actors, how they are and how often they restarted.", [
    "ps",
    "ps --json | jq '.actors[] | select(.state != \"running\")'",
  ])
    .option("--json", "one JSON object")
    .action(async (options: Flags) => {
      const { ps } = await import("#cli/ps.ts");
      answer(await ps(options));
    });

  ask("status", "Show what the node says of itself: store, limits, readiness.", ["status", "status --json"])
    .option("--json", "the answer of /status as it is")
    .action(async (options: Flags) => {
      const { status } = await import("#cli/status.ts");
      answer(await status(options));
    });

  own("kill", "Crash one actor, or SIGKILL one cell: it comes back, and nothing acknowledged is lost.", [
    "kill actor/storage",
    "kill cell/data",
    "kill cell/data --json",
    "kill actor/storage --at put-durable:3",
  ])
    .argument("<target>", TARGET_FORM, readTarget)
    .option("--at <failpoint[:times]>", "an actor when it next comes there, or the next times; 0: no more", readPasses)
    .option("--json", "one JSON object: what was done")
    .action(async (target: string, options: KillFlags) => {
      const { control } = await import("#cli/control.ts");
      answer(await control({ command: "kill", target, ...options.at }, options));
    });

  own("resume", "Lift a quarantine.", ["resume actor/storage", "resume cell/data", "resume cell/data --json"])
    .argument("<target>", TARGET_FORM, readTarget)
    .option("--json", "one JSON object: what was done")
    .action(async (target: string, options: Flags) => {
      const { control } = await import("#cli/control.ts");
      answer(await control({ command: "resume", target }, options));
    });

  own("letters", "Show the messages that an actor accepted and lost: its dead letters.", [
    "letters actor/storage",
    "letters actor/storage --json",
    "letters actor/storage --replay 3",
  ])
    .argument("<target>", "actor/NAME", readActor)
    .option("--replay <number>", "send this one again, as a message that nobody waits for", readNumber)
    .option("--json", "one JSON object a line")
    .action(async (target: string, options: Flags & { readonly replay?: number }) => {
      const { letters } = await import("#cli/letters.ts");
      answer(await letters(target, options));
    });

  own("logs", "Show the log of a node in amnesia mode, which has no other: its last lines, as JSON.", [
    "logs",
    "logs | jq -r .event",
    "logs --json",
  ])
    .option("--json", "say in JSON, too, what is said beside the lines")
    .action(async (options: Flags) => {
      const { logs } = await import("#cli/logs.ts");
      answer(await logs(options));
    });

  own("down", "Stop the node: accept nothing new, finish what is under way, flush, end. Waits for it.", [
    "down",
    "down --data /srv/cepa",
    "down --json",
  ])
    .option("--json", "one JSON object: the process that has ended")
    .action(async (options: Flags) => {
      const { down } = await import("#cli/control.ts");
      answer(await down(options));
    });

  return program;
}

async function nameOf(given: ObjectName | string, options: NodeChoice): Promise<Outcome<ObjectName>> {
  if (given === "-") return await readName(process.stdin);
  if (typeof given !== "string") return ok(given);
  const { lookUp } = await import("#cli/names.ts");
  return await lookUp(given, options);
}

const HOLDS = [
  [
    "rm",
    "Remove objects. They can be restored for a week (storage.trashMs); then their bytes are given up.",
    ["rm b3:…", "rm b3:… --json"],
  ],
  ["restore", "Take back what was removed.", ["restore b3:…"]],
  ["pin", "Hold on to objects, also those that were put for a time.", ["pin b3:…", "pin b3:… --for 30d"]],
  ["unpin", "Let go of objects: the next collection removes them.", ["unpin b3:…"]],
] as const;
