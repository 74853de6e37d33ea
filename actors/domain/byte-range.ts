/**
 * Which bytes of an object a range asks for (RFC 9110 §14.1.2), once the size is known.
 *
 * An object without bytes satisfies no range: there is no way to say "bytes none of 0" in an answer.
 */

/** As HTTP asks: absolute, `last` inclusive or open; or the last `suffix` bytes. */
export type ByteRange = { readonly first: number; readonly last?: number | undefined } | { readonly suffix: number };

/** Bytes `firstByte … firstByte + lengthBytes - 1`. */
export interface Extent {
  readonly firstByte: number;
  readonly lengthBytes: number;
}

/** All of it where no range is given; undefined where the range lies outside. */
export function extentOf(range: ByteRange | undefined, sizeBytes: number): Extent | undefined {
  if (range === undefined) return { firstByte: 0, lengthBytes: sizeBytes };
  if ("suffix" in range) {
    // More than there is means all there is.
    const lengthBytes = Math.min(range.suffix, sizeBytes);
    return lengthBytes > 0 ? { firstByte: sizeBytes - lengthBytes, lengthBytes } : undefined;
  }

  const { first, last = Number.MAX_SAFE_INTEGER } = range;
  if (first < 0 || first >= sizeBytes || last < first) return undefined;
  return { firstByte: first, lengthBytes: Math.min(last, sizeBytes - 1) - first + 1 };
}
