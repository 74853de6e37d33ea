/** Commands of a simulated Redis by their names. One that is not here is a defect: a real one may know it. */
import { Defect } from "#runtime/errors.ts";
import type { Command, CommandTable, Moment, Outcome } from "#runtime/simulated/redis/command.ts";
import { GROUP_COMMANDS } from "#runtime/simulated/redis/group-commands.ts";
import { PENDING_COMMANDS } from "#runtime/simulated/redis/pending-commands.ts";
import { READ_COMMANDS } from "#runtime/simulated/redis/read-commands.ts";
import { NO_MEMORY } from "#runtime/simulated/redis/refusal.ts";
import { STREAM_COMMANDS } from "#runtime/simulated/redis/stream-commands.ts";
import { TEXT_COMMANDS } from "#runtime/simulated/redis/text-commands.ts";
import { Words } from "#runtime/simulated/redis/words.ts";

const COMMANDS: CommandTable = {
  ...TEXT_COMMANDS,
  ...STREAM_COMMANDS,
  ...GROUP_COMMANDS,
  ...PENDING_COMMANDS,
  ...READ_COMMANDS,
};
/** Their second word is a part of the name. */
const FAMILIES: ReadonlySet<string> = new Set(["XGROUP", "XINFO"]);

export function execute(words: readonly Uint8Array[], moment: Moment): Outcome {
  if (moment.isFull && isGrowing(words)) return NO_MEMORY;
  const [family = ""] = namesIn(words);
  return commandOf(words).run(new Words(FAMILIES.has(family) ? words.slice(1) : words), moment);
}

/** Whether it is refused when memory is short. */
export function isGrowing(words: readonly Uint8Array[]): boolean {
  return commandOf(words).isGrowing === true;
}

function commandOf(words: readonly Uint8Array[]): Command {
  const [family = "", member = ""] = namesIn(words);
  const name = FAMILIES.has(family) ? `${family} ${member}` : family;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new Defect(`a simulated Redis does not know ${name}`);
  return command;
}

function namesIn(words: readonly Uint8Array[]): readonly string[] {
  return words.slice(0, 2).map((word) => Buffer.from(word).toString("latin1").toUpperCase());
}
