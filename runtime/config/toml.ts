/**
 * TOML as plain data: the one place that knows the parser.
 *
 * What comes out holds strings, numbers, booleans, arrays and tables only, so that it can be frozen, compared and sent
 * to another process. A date becomes its text. Keys that would reach a prototype are refused.
 */
import { parse, TomlDate, TomlError } from "smol-toml";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";

export type ConfigValue = string | number | boolean | readonly ConfigValue[] | ConfigTable;

/** The whole file, or one section of it. */
export interface ConfigTable {
  readonly [key: string]: ConfigValue;
}

/** The file cannot be read or is not TOML. The configuration in force stays. Final until the file changes. */
export interface ConfigUnreadable extends Failure<"config.unreadable"> {
  readonly path: string;
  /** Where parsing stopped, counted from 1; 0 when the file was not parsed at all. */
  readonly line: number;
  readonly column: number;
  /** What is wrong, in at most 200 characters: the parser's own words, or the code of a disk failure. */
  readonly problem: string;
}

/** Tables and arrays inside each other. Deeper ones are `config.unreadable`. */
export const configDepthMax = 16;
/** A larger configuration file is `config.unreadable`: it is not a configuration. */
export const configFileBytesMax: number = 1024 * 1024;

export function parseToml(path: string, bytes: Uint8Array): Result<ConfigTable, ConfigUnreadable> {
  const unreadable = (line: number, column: number, problem: string) =>
    fail({ code: "config.unreadable", path, line, column, problem: problem.slice(0, 200) });
  if (bytes.length > configFileBytesMax) {
    return unreadable(0, 0, `${bytes.length} bytes, at most ${configFileBytesMax} are read`);
  }

  const text = new TextDecoder().decode(bytes);
  const replaced = firstInvalidUtf8(bytes, text);
  if (replaced !== undefined) return unreadable(replaced.line, replaced.column, "not UTF-8");

  try {
    const table: unknown = parse(text, { maxDepth: configDepthMax, unsafeKeyBehaviour: "throw" });
    // The parser bounds inline nesting only; headers and dotted keys nest as well.
    if (isDeeperThan(table, configDepthMax)) return unreadable(0, 0, `nested deeper than ${configDepthMax}`);
    return ok(plainTable(table));
  } catch (error) {
    if (error instanceof TomlError) return unreadable(error.line, error.column, firstLine(error.message));
    throw error;
  }
}

/** A lone U+FFFD in the file is legal; one that the decoder made is not in the bytes. */
function firstInvalidUtf8(bytes: Uint8Array, text: string): { line: number; column: number } | undefined {
  if (!text.includes("\uFFFD")) return undefined;
  const again = new TextEncoder().encode(text);
  const offset = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const length = Math.max(bytes.length - offset, again.length);
  let at = 0;
  while (at < length && bytes[at + offset] === again[at]) at += 1;
  if (at === length) return undefined;
  const before = new TextDecoder().decode(again.subarray(0, at)).split("\n");
  return { line: before.length, column: (before.at(-1)?.replace(/\uFFFD+$/, "").length ?? 0) + 1 };
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}

function plainTable(table: unknown): ConfigTable {
  assert(typeof table === "object" && table !== null, "the parser answers with tables");
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, plainValue(value)]));
}

function plainValue(value: unknown): ConfigValue {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(plainValue);
  return value instanceof TomlDate ? value.toISOString() : plainTable(value);
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? message).replace("Invalid TOML document: ", "");
}
