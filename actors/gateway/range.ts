/**
 * `Range`, `If-Range` and `If-None-Match`, as RFC 9110 reads them, for objects that never change.
 */
import type { ByteRange } from "#actors/overlay/protocol.ts";

/** More digits than any position needs; a field with more is ignored like one that is not valid. */
const SPEC = /^(\d{0,32})-(\d{0,32})$/;

/**
 * The range to answer with; undefined means the whole object: no range, another unit, several ranges (allowed to be
 * ignored, RFC 9110 §14.2), or a field that is not valid (the same). `suffix: 0` is valid and unsatisfiable.
 */
export function parseRange(field: string | undefined): ByteRange | undefined {
  const set = field === undefined ? null : /^bytes=(.*)$/i.exec(field.trim());
  const spec = set === null ? null : SPEC.exec((set[1] ?? "").trim());
  if (spec === null) return undefined;
  const [, first = "", last = ""] = spec;
  if (first === "") return last === "" ? undefined : { suffix: position(last) };
  if (last === "") return { first: position(first) };
  // Compared as they are written: two positions past the largest exact number are not equal.
  if (BigInt(last) < BigInt(first)) return undefined;
  return { first: position(first), last: position(last) };
}

/** No object is that long, so a position past the largest exact number may as well be it. */
function position(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

/** Whether a range may be answered. A date never matches: objects have none. Weak tags never match strongly. */
export function ifRangeHolds(field: string | undefined, etag: string): boolean {
  return field === undefined || field.trim() === etag;
}

/** Whether the client has the object already: compared weakly, in a list of any length, `*` matching every object. */
export function ifNoneMatchHolds(field: string | undefined, etag: string): boolean {
  if (field === undefined) return false;
  if (field.trim() === "*") return true;
  return field.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
