/** The commands that look after the store, a part of `program.ts`: trash, collections, scrubbing, volumes and their repair. */
import { type Command, Option } from "commander";
import type { Outcome } from "#cli/failure.ts";
import type { NodeChoice } from "#cli/find-node.ts";

type Flags = NodeChoice & { readonly json?: boolean };
type RepairFlags = Flags & {
  readonly now?: boolean;
  readonly pause?: boolean;
  readonly resume?: boolean;
  readonly watch?: boolean;
};

/** `ask` makes a command that asks a node; `answer` takes what a command came to. */
export function addUpkeep(
  ask: (usage: string, description: string, examples: readonly string[]) => Command,
  answer: (outcome: Outcome) => void,
): void {
  ask("trash", "List what was removed and can be restored.", ["trash", "trash --json | jq -r .address"])
    .option("--json", "one JSON object a line")
    .action(async (options: Flags) => {
      const { trash } = await import("#cli/gc.ts");
      answer(await trash(options));
    });

  ask("gc", "Collect garbage now: remove what nobody holds, give up what was removed long ago, compact packs.", [
    "gc",
    "gc --empty-trash",
    "gc --no-wait",
  ])
    .option("--empty-trash", "give up what is in the trash by now, too: it cannot be restored any more")
    .option("--no-wait", "begin, and do not wait for the end")
    .option("--json", "one JSON object")
    .action(async (options: Flags & { readonly emptyTrash?: boolean; readonly wait?: boolean }) => {
      const { collect } = await import("#cli/gc.ts");
      answer(await collect(options));
    });

  ask("scrub", "Show how far the store was verified, and which objects are damaged.", [
    "scrub",
    "scrub --now",
    "scrub --json | jq -r '.damaged[].address'",
  ])
    .option("--now", "read everything again now, and wait for the end")
    .option("--json", "one JSON object")
    .action(async (options: Flags & { readonly now?: boolean }) => {
      const { scrub } = await import("#cli/scrub.ts");
      answer(await scrub(options));
    });

  ask("du", "Show how much is stored, live, garbage and in the trash.", ["du", "du --json"])
    .option("--json", "one JSON object")
    .action(async (options: Flags) => {
      const { du } = await import("#cli/gc.ts");
      answer(await du(options));
    });

  ask("volumes", "Show the volumes: whether their disks are there, and how much is on each.", [
    "volumes",
    "volumes --json | jq -r '.volumes[] | select(.state != \"present\") | .directory'",
    "volumes --forget 0123456789abcdef",
  ])
    .option("--forget <id>", "give up a volume that is in no directory of storage.volumes any more")
    .option("--lose", "with --forget: also where something is lost with it, or nobody knows yet")
    .option("--json", "one JSON object")
    .addHelpText("after", "\nExit code: 1 also where a volume is not present; 0 after one was given up.")
    .action(async (options: Flags & { readonly forget?: string; readonly lose?: boolean }, command: Command) => {
      if (options.lose === true && options.forget === undefined) command.error("error: --lose needs --forget ID");
      const { volumes } = await import("#cli/volumes.ts");
      answer(await volumes(options));
    });

  ask("repair", "Show what lacks records since a volume was lost, and how its repair goes; or steer that.", [
    "repair",
    "repair --now --watch",
    "repair --pause",
    "repair --watch --json | jq .backlogBytes",
  ])
    .addOption(new Option("--now", "begin, also where a volume is still waited for").conflicts(["pause", "resume"]))
    .addOption(
      new Option("--pause", "pause, until it is resumed or the node starts anew").conflicts(["resume", "watch"]),
    )
    .option("--resume", "go on after a pause")
    .option("--watch", "look on until it is idle, or nothing more can be done because objects are lost")
    .option("--json", "one JSON object; with --watch one for every change, and the last one is the end")
    .addHelpText("after", "\nExit code: 1 also where something is lost; 0 after an order that is not watched.")
    .action(async (options: RepairFlags) => {
      const { repair } = await import("#cli/repair.ts");
      answer(await repair(options));
    });
}
