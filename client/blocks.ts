/** A stream of pieces of any length as blocks of one length. */

/**
 * Yields blocks of `length` bytes, and at the end what is left, unless that is nothing. A block is valid until the next
 * one is asked for: all of them are one buffer.
 */
export async function* blocksOf(
  source: AsyncIterable<Uint8Array>,
  length: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const block = new Uint8Array(length);
  let filled = 0;
  for await (const piece of source) {
    for (let from = 0; from < piece.length; ) {
      const part = piece.subarray(from, from + length - filled);
      block.set(part, filled);
      filled += part.length;
      from += part.length;
      if (filled < length) break;
      yield block;
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
