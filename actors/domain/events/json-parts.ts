/**
 * A JSON text taken apart one level deep: into the names of its members and the texts of its values.
 *
 * `JSON.parse` says whether a text is JSON, and this says what is in it, for two reasons. A number keeps all its digits, as
 * the database is to have it. And V8 reads a name wrongly that is written with an escape, after an object with another
 * name that has a backslash in the same place (nodejs/node#63785): whoever sends the one could have the other misread.
 *
 * Everything here is given a text that `JSON.parse` took, and relies on it: that is what keeps it short, and quick enough
 * for every event.
 */
import { assert } from "#runtime/errors.ts";

/** Objects and lists inside one another, the outermost counted. Postgres' parser is recursive, and ends with its stack. */
export const ENTRY_DEPTH_MAX = 128;
/** Characters of a number, its sign and exponent among them. Postgres has 131072 digits before the point, 16383 behind it. */
export const NUMBER_LENGTH_MAX = 4096;
/**
 * Of an exponent, either way: those of doubles end at 308 and -324, and RFC 8259 warns of `1E400`. Postgres would take
 * larger ones: `1e131071` is eight bytes to store, and 131072 to read back.
 */
export const NUMBER_EXPONENT_MAX = 400;

export type JsonProblem = "too-deep" | "number-out-of-range";

export interface JsonParts {
  /** Of an object: what its members are called, in their order. None for a list. */
  readonly names: readonly string[];
  /** Of the members or items, as they came, but for the space around them. */
  readonly values: readonly string[];
}

/** Of an object or a list; all of it is held to the bounds. */
export function splitJson(text: string): JsonParts | JsonProblem {
  const names: string[] = [];
  const values: string[] = [];
  let depth = 0;
  /** Of the last string one level deep: before a colon, a name. */
  let stringStart = 0;
  let valueStart = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    switch (code) {
      case QUOTE:
        if (depth === 1) stringStart = at;
        at = endOfString(text, at);
        continue;
      case OPEN_OBJECT:
      case OPEN_LIST:
        depth += 1;
        if (depth > ENTRY_DEPTH_MAX) return "too-deep";
        if (depth === 1) valueStart = at + 1;
        break;
      case COLON:
        if (depth !== 1) break;
        names.push(decodeString(trimmed(text, stringStart, at)));
        valueStart = at + 1;
        break;
      case COMMA:
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        if (depth === 1) {
          const value = trimmed(text, valueStart, at);
          // Nothing is between the brackets of what is empty.
          if (value !== "") values.push(value);
          valueStart = at + 1;
        }
        if (code !== COMMA) depth -= 1;
        break;
      default: {
        const end = endOfNumber(text, at);
        if (end === at) break;
        if (!isInRange(text, at, end)) return "number-out-of-range";
        at = end;
        continue;
      }
    }
    at += 1;
  }
  return { names, values };
}

/** The text of a member: of the last one of the name, as it is to `JSON.parse` and to Postgres. */
export function memberOf({ names, values }: JsonParts, name: string): string | undefined {
  const at = names.lastIndexOf(name);
  return at >= 0 ? values[at] : undefined;
}

/** The string that a value is; undefined for every other kind of it. */
export function stringOf(value: string | undefined): string | undefined {
  return value?.startsWith('"') ? decodeString(value) : undefined;
}

/** The items of a list; undefined for every other kind of value. */
export function itemsOf(value: string): readonly string[] | undefined {
  return value.startsWith("[") ? partsOf(value).values : undefined;
}

/** The members of an object; undefined for every other kind of value. */
export function membersOf(value: string | undefined): JsonParts | undefined {
  return value?.startsWith("{") ? partsOf(value) : undefined;
}

/** Of a value that was a part of another one, and so is within all bounds. */
function partsOf(value: string): JsonParts {
  const parts = splitJson(value);
  assert(typeof parts === "object", "a part of what is within bounds is within them");
  return parts;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const UPPER_E = 0x45;
const LOWER_E = 0x65;

/** What is between, without space; JSON has none above that of ASCII. */
function trimmed(text: string, start: number, end: number): string {
  let first = start;
  let behind = end;
  while (first < end && text.charCodeAt(first) <= SPACE) first += 1;
  while (behind > first && text.charCodeAt(behind - 1) <= SPACE) behind -= 1;
  return text.slice(first, behind);
}

/** `literal` has its quotes. Strings alone are read as they should be. */
function decodeString(literal: string): string {
  return literal.indexOf("\\") >= 0 ? (JSON.parse(literal) as string) : literal.slice(1, -1);
}

/** Behind the quote that closes the string whose first one is at `start`. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}

/** Behind the number at `start`; `start` where none is. */
function endOfNumber(text: string, start: number): number {
  if (!isDigit(text.charCodeAt(start)) && text.charCodeAt(start) !== MINUS) return start;
  let end = start + 1;
  while (isOfNumber(text.charCodeAt(end))) end += 1;
  return end;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isOfNumber(code: number): boolean {
  return isDigit(code) || code === POINT || isExponentMark(code) || code === MINUS || code === PLUS;
}

function isExponentMark(code: number): boolean {
  return code === LOWER_E || code === UPPER_E;
}

function isInRange(text: string, start: number, end: number): boolean {
  if (end - start > NUMBER_LENGTH_MAX) return false;
  for (let at = start; at < end; at += 1) {
    if (isExponentMark(text.charCodeAt(at))) return Math.abs(Number(text.slice(at + 1, end))) <= NUMBER_EXPONENT_MAX;
  }
  return true;
}
