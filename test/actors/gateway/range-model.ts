/** The `Range` field as RFC 9110 has it, read without patterns: what the gateway's reader is held against. */
import type { ByteRange } from "#actors/domain/byte-range.ts";
import { RANGES_MAX } from "#actors/gateway/range.ts";

const MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** One character at a time, and whole numbers of any length: what RFC 9110 §14.1.2 says, at its plainest. */
export function rangeModel(field: string): readonly ByteRange[] | "too-many" | undefined {
  const equals = field.indexOf("=");
  if (equals < 0 || withoutSpace(field.slice(0, equals), "front").toLowerCase() !== "bytes") return undefined;
  const specs = field.slice(equals + 1).split(",");
  if (specs.length > RANGES_MAX) return "too-many";
  const ranges: ByteRange[] = [];
  for (const spec of specs.map((text) => withoutSpace(text, "both"))) {
    if (spec === "") continue;
    const sides = spec.split("-");
    const isNumber = (text: string): boolean => [...text].every((char) => "0123456789".includes(char));
    const [first = "", last = ""] = sides;
    if (sides.length !== 2 || !isNumber(first) || !isNumber(last) || Math.max(first.length, last.length) > 32)
      return undefined;
    const clamp = (text: string): number => Number(BigInt(text) > MAX ? MAX : BigInt(text));
    if (first === "" && last === "") return undefined;
    if (first !== "" && last !== "" && BigInt(first) > BigInt(last)) return undefined;
    if (first === "") ranges.push({ suffix: clamp(last) });
    else ranges.push(last === "" ? { first: clamp(first) } : { first: clamp(first), last: clamp(last) });
  }
  return ranges.length === 0 ? undefined : ranges;
}

/** Space and tab alone are space: JavaScript's `trim` takes off more. */
function withoutSpace(text: string, ends: "front" | "both"): string {
  let [from, to] = [0, text.length];
  while (from < to && " \t".includes(text.charAt(from))) from += 1;
  while (ends === "both" && to > from && " \t".includes(text.charAt(to - 1))) to -= 1;
  return text.slice(from, to);
}
