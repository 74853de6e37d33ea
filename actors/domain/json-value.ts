/**
 * What JSON can say, as values: whether two of them say the same, and one laid over another.
 *
 * Members may have any name, and `__proto__` is one like any other: values are made whole by `Object.fromEntries` and asked
 * by `Object.hasOwn`, never assigned to and never asked for what they inherit.
 *
 * Values come from the readers of `canonical-json.ts`, which bound how deep they are. So everything here may recurse.
 */
import { assert } from "#runtime/errors.ts";

/** Arrays and objects inside one another. A document with more is refused when it is read, so no value has more. */
export const JSON_DEPTH_MAX = 64;

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: JsonValue;
}

export function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether both say the same: the order of members counts for nothing, the order of items does, and -0 is 0. */
export function sameJson(a: JsonValue, b: JsonValue): boolean {
  return isSame(a, b, 0);
}

/**
 * `base` with `delta` laid over it (seed 004: an upgrade of a schema). Objects are merged member by member; anything else
 * in `delta`, null and arrays too, takes the place of what was there. So a delta takes no member away. Neither argument
 * is changed; the result shares with them what it has from them.
 */
export function deepMerge(base: JsonValue, delta: JsonValue): JsonValue {
  return merged(base, delta, 0);
}

function isSame(a: JsonValue, b: JsonValue, depth: number): boolean {
  assert(depth <= JSON_DEPTH_MAX, "a value is as deep as one that can be read");
  if (isJsonArray(a)) {
    return isJsonArray(b) && a.length === b.length && a.every((item, at) => isSameItem(item, b[at], depth));
  }
  if (!isJsonObject(a)) return a === b;
  if (!isJsonObject(b)) return false;
  const members = Object.entries(a);
  return (
    members.length === Object.keys(b).length &&
    members.every(([name, item]) => Object.hasOwn(b, name) && isSameItem(item, b[name], depth))
  );
}

function isSameItem(a: JsonValue, b: JsonValue | undefined, depth: number): boolean {
  return b !== undefined && isSame(a, b, depth + 1);
}

function merged(base: JsonValue, delta: JsonValue, depth: number): JsonValue {
  assert(depth <= JSON_DEPTH_MAX, "a value is as deep as one that can be read");
  if (!isJsonObject(base) || !isJsonObject(delta)) return delta;
  const members = new Map(Object.entries(base));
  for (const [name, item] of Object.entries(delta)) {
    const before = members.get(name);
    members.set(name, before === undefined ? item : merged(before, item, depth + 1));
  }
  return Object.fromEntries(members);
}

/** `Array.isArray` does not tell readonly arrays from objects. */
function isJsonArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
