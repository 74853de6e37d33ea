/**
 * The forms of what stands on a command line, each as the library wants it: it answers with what was read, or throws a
 * sentence for the one line that the user sees.
 */
import { type Command, InvalidArgumentError } from "commander";
import { NAME_FORM, type ObjectName, parseName } from "#cli/name.ts";
import { parseLink } from "#client/link.ts";
import { isLabel, LABEL_FORM, parseName as parseFullName } from "#client/name-record.ts";
import type { ContentRange } from "#client/private-object.ts";
import { isAddress } from "#client/wire.ts";
import { parseQuantity } from "#runtime/config/quantity.ts";
import { hour, second } from "#runtime/units.ts";

export const ADDRESS_FORM = "b3: and 64 hex digits in lower case";
export const NAME_ARGUMENT: string = `${NAME_FORM}; name:NAME asks for the name; - reads it from standard input, where no other user sees it`;
export const TARGETS_FORM = "b3: and 64 hex digits, or a private link, with or without its key";
export const NAMES_FORM = "KEY/LABEL, or LABEL for a name of your own";
/** Before a name that is to be asked for. */
export const SIGNED_NAME_PREFIX = "name:";
export const TARGET_FORM = "actor/NAME, cell/NAME or server/NAME";
/** Longest time on the command line, a hundred years, as a node has it. Who wants more wants no end, and leaves it out. */
export const DURATION_MS_MAX: number = 876_600 * hour;

/**
 * The line as the library understands it: one that it does not know it would answer, with `--help` or behind `help`, with
 * the help of the group that it was looked for in; and behind `help` it looks for no command of a group.
 */
export function lineOf(group: Command, argv: readonly string[]): readonly string[] {
  const [name = "", ...rest] = argv;
  if (group.commands.length === 0 || name === "" || name.startsWith("-")) return argv;
  if (name === "help") return lineOf(group, [...rest, "--help"]);
  const command = group.commands.find((one) => one.name() === name);
  return command === undefined ? [name] : [name, ...lineOf(command, rest)];
}

/** A variable of a script that was never set: what it stood for is not the working directory. */
export function readNotEmpty(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It is empty.");
}

/** Adds to those before it. */
export function readFile(text: string, before: readonly string[] = []): readonly string[] {
  if (text === "-" && before.includes(text)) throw new InvalidArgumentError("Standard input is read once.");
  return [...before, readNotEmpty(text)];
}

export function readAddress(text: string): string {
  if (isAddress(text)) return text;
  throw new InvalidArgumentError(`An address is ${ADDRESS_FORM}.`);
}

/** After `name:` a name, which has to be asked for; `-`, which is read; else the object itself. */
export function readNameArgument(text: string): ObjectName | string {
  if (text === "-") return text;
  if (text.startsWith(SIGNED_NAME_PREFIX)) return readLabelOrName(text);
  const name = parseName(text);
  if (name !== undefined) return name;
  throw new InvalidArgumentError(`It must be ${NAME_FORM}, or name: and ${NAMES_FORM}.`);
}

export function readRange(text: string): ContentRange {
  const [, first, last] = /^(\d{1,15})-(\d{1,15})?$/.exec(text) ?? [];
  if (first === undefined || (last !== undefined && Number(last) < Number(first))) {
    throw new InvalidArgumentError("It is like 0-99, or 100- for the rest.");
  }
  return { first: Number(first), ...(last === undefined ? {} : { last: Number(last) }) };
}

/** The form of a name; whether the node has such an actor or cell, it says itself. */
export function readTarget(text: string): string {
  if (/^(actor|cell|server)\/[a-z][a-z0-9-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError(`A target is ${TARGET_FORM}.`);
}

export function readActor(text: string): string {
  if (/^actor\/[a-z][a-z0-9-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError("It is actor/NAME.");
}

/** Adds to those before it. */
export function readObjectName(text: string, before: readonly string[] = []): readonly string[] {
  if (isAddress(text) || /^cepa:[0-9a-f]{64}$/.test(text) || parseLink(text) !== undefined) return [...before, text];
  throw new InvalidArgumentError(`An object is ${TARGETS_FORM}.`);
}

export function readOneObjectName(text: string): string {
  readObjectName(text);
  return text;
}

export function readLabel(text: string): string {
  if (isLabel(text)) return text;
  throw new InvalidArgumentError(`A label is ${LABEL_FORM}.`);
}

/** As `get` takes it, with `name:` before it, or without: that is not a part of it. */
export function readLabelOrName(text: string): string {
  const name = text.startsWith(SIGNED_NAME_PREFIX) ? text.slice(SIGNED_NAME_PREFIX.length) : text;
  if (isLabel(name) || parseFullName(name) !== undefined) return name;
  throw new InvalidArgumentError(`A name is ${NAMES_FORM}.`);
}

export function readDuration(text: string): number {
  const durationMs = parseQuantity(text, "ms");
  const isInBounds = durationMs !== undefined && durationMs >= second && durationMs <= DURATION_MS_MAX;
  if (isInBounds && /[a-z]$/.test(text)) return durationMs;
  throw new InvalidArgumentError(
    `It is a time from a second to a hundred years (${DURATION_MS_MAX / (24 * hour)}d), such as 90m or 7d.`,
  );
}

export function readNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is the number of a letter, from 1.");
}

/** Of an actor: a failpoint, and how often it is to end there. */
export interface Passes {
  readonly at: string;
  readonly times: number;
}

export function readPasses(text: string): Passes {
  const [, at, times = "1"] = /^([a-z][a-z0-9-]{0,62})(?::(\d{1,7}))?$/.exec(text) ?? [];
  if (at !== undefined) return { at, times: Number(times) };
  throw new InvalidArgumentError("It is a failpoint, or one and a count, such as put-durable:3.");
}
