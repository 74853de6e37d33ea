/**
 * Which bytes of an object a range asks for (RFC 9110 §14.1.2), once the size is known.
 *
 * An object without bytes satisfies no range: there is no way to say "bytes none of 0" in an answer.
 */
import type { ByteRange, RangeUnsatisfiable } from "#actors/overlay/protocol.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

export interface Extent {
  readonly firstByte: number;
  readonly lengthBytes: number;
}

export function resolveRange(range: ByteRange | undefined, sizeBytes: number): Result<Extent, RangeUnsatisfiable> {
  if (range === undefined) return ok({ firstByte: 0, lengthBytes: sizeBytes });
  if ("suffix" in range) {
    // More than there is means all there is.
    const lengthBytes = Math.min(range.suffix, sizeBytes);
    return lengthBytes > 0 ? ok({ firstByte: sizeBytes - lengthBytes, lengthBytes }) : unsatisfiable(sizeBytes);
  }

  const { first, last = Number.MAX_SAFE_INTEGER } = range;
  if (first < 0 || first >= sizeBytes || last < first) return unsatisfiable(sizeBytes);
  return ok({ firstByte: first, lengthBytes: Math.min(last, sizeBytes - 1) - first + 1 });
}

function unsatisfiable(sizeBytes: number): Result<never, RangeUnsatisfiable> {
  return fail({ code: "overlay.range-unsatisfiable", sizeBytes });
}
