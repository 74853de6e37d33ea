/**
 * The `Range` field as RFC 9110 reads it, and what becomes of several ranges.
 *
 * A set of ranges is a way to have a small request answered with much work (§17.15). So their count is bounded, and those
 * that overlap or nearly touch become one: whatever is asked, no byte is sent twice, and in parts of a useful length.
 */
import type { ByteRange, Extent } from "#actors/domain/byte-range.ts";

/** Ranges in one request, satisfiable or not. One more: 416, because the whole object may be far from what was meant. */
export const RANGES_MAX = 32;
/** Two ranges with at most so many bytes between them are sent as one: a part of its own costs about as many. */
export const RANGE_GAP_BYTES_MAX = 128;

/** More digits than any position needs; a field with more is ignored like one that is not valid. */
const SPEC = /^(\d{0,32})-(\d{0,32})$/;

/** Of any characters: what is no range is found where it stands. */
const SET = /^bytes=(.*)$/is;

/**
 * The ranges to answer with, in their order. Undefined means the whole object: no field, another unit, or a field that is
 * not valid (§14.2). `suffix: 0` is valid and unsatisfiable.
 */
export function parseRanges(field: string | undefined): readonly ByteRange[] | "too-many" | undefined {
  const set = field === undefined ? null : SET.exec(withoutSpace(field));
  if (set === null) return undefined;
  const specs = (set[1] ?? "").split(",", RANGES_MAX + 1);
  if (specs.length > RANGES_MAX) return "too-many";

  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    // Between two commas nothing may stand, as in every list (§5.6.1.2).
    const text = withoutSpace(spec);
    if (text === "") continue;
    const range = parseSpec(text);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  return ranges.length === 0 ? undefined : ranges;
}

/** Space and tab alone are space (§5.6.3): `trim` takes off more. */
function withoutSpace(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isSpace(text.charCodeAt(from))) from += 1;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function parseSpec(spec: string): ByteRange | undefined {
  const [, first = "", last = ""] = SPEC.exec(spec) ?? [];
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

/**
 * The same bytes in as few parts as is useful: what overlaps, touches or nearly touches is one. A part stands where the
 * first of its ranges stood, so that a client gets them in its own order (§15.3.7.2).
 */
export function coalesce(extents: readonly Extent[]): readonly Extent[] {
  const parts: { order: number; firstByte: number; end: number }[] = [];
  const ascending = [...extents.entries()].toSorted(([, a], [, b]) => a.firstByte - b.firstByte);
  for (const [order, { firstByte, lengthBytes }] of ascending) {
    const part = parts.at(-1);
    const end = firstByte + lengthBytes;
    if (part === undefined || firstByte > part.end + RANGE_GAP_BYTES_MAX) {
      parts.push({ order, firstByte, end });
    } else {
      part.order = Math.min(part.order, order);
      part.end = Math.max(part.end, end);
    }
  }
  return parts
    .toSorted((a, b) => a.order - b.order)
    .map(({ firstByte, end }) => ({ firstByte, lengthBytes: end - firstByte }));
}
