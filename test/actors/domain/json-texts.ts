/** JSON for tests: values with all that is awkward in them, and texts of them in the styles that producers have. */
import fc from "fast-check";
import { isJsonObject, type JsonValue } from "#actors/domain/json-value.ts";

/** Characters on both sides of where the two orders of keys differ, and those that are escaped. */
const CHARACTERS = [
  ...'ab/"\\<&\u0000\n\u007f\u0080\u00f6\u20ac\u2028\ud7ff\ue000\ufb33\uffff\u{10000}\u{1f600}\u{10ffff}',
];
const NAMES = ["", "__proto__", "constructor", "toString", "toJSON", "length", "10", "9", "-1", "1e3", "a", "b", "ab"];

export const strings: fc.Arbitrary<string> = fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 5 });
export const keys: fc.Arbitrary<string> = fc.oneof(fc.constantFrom(...NAMES), strings);

/** Finite, and no integer that RFC 8785 writes with more digits than are safe. */
export const numbers: fc.Arbitrary<number> = fc
  .oneof(fc.maxSafeInteger(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  .filter((value) => Number.isSafeInteger(value) || !/^-?\d+$/.test(String(value)));

const trees = fc.letrec<{ values: JsonValue }>((tie) => ({
  values: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    numbers,
    strings,
    fc.array(tie("values"), { maxLength: 4 }),
    fc.array(fc.tuple(keys, tie("values")), { maxLength: 5 }).map((members) => Object.fromEntries(members)),
  ),
}));

export const values: fc.Arbitrary<JsonValue> = trees.values;

export type Compare = (a: string, b: string) => number;
export const byUnits: Compare = (a, b) => (a < b ? -1 : 1);
export const byCodePoints: Compare = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** How an encoder writes. */
export interface Style {
  readonly compare: Compare;
  readonly text: (value: string) => string;
  readonly number: (value: number) => string;
}

/** The shortest escapes. */
export const plainText = (value: string): string => JSON.stringify(value);
/** As Python does by default. */
export const asciiText = (value: string): string =>
  JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, (unit) => escaped(unit));
/** As Go does by default. */
export const goText = (value: string): string =>
  JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (unit) => escaped(unit));
/** Every unit, in upper case, as nobody does. */
export const fullText = (value: string): string =>
  `"${Array.from({ length: value.length }, (_, at) => escaped(value.charAt(at)).toUpperCase().replace("U", "u")).join("")}"`;

export const plainNumber = (value: number): string => JSON.stringify(value);
/** As Python writes its floats. */
export const floatNumber = (value: number): string => {
  const text = Object.is(value, -0) ? "-0" : plainNumber(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
};

export const styles: fc.Arbitrary<Style> = fc.record({
  compare: fc.constantFrom(byUnits, byCodePoints),
  text: fc.constantFrom(plainText, asciiText, goText, fullText),
  number: fc.constantFrom(plainNumber, floatNumber, (value: number) => value.toExponential()),
});

/** Sorted and compact. */
export function textOf(value: JsonValue, style: Style): string {
  if (typeof value === "number") return style.number(value);
  if (typeof value === "string") return style.text(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => textOf(item, style)).join(",")}]`;
  const members = Object.entries(value).sort(([a], [b]) => style.compare(a, b));
  return `{${members.map(([key, item]) => `${style.text(key)}:${textOf(item as JsonValue, style)}`).join(",")}}`;
}

/** With 0 for -0, as it is written. */
export function asWritten(value: JsonValue): JsonValue {
  if (typeof value === "number") return value + 0;
  if (Array.isArray(value)) return value.map((item: JsonValue) => asWritten(item));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asWritten(item)]));
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
