/** Bytes that are at hand, where a source of them is wanted; and a source, where its bytes are wanted at once. */
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";

export function asSource(body: ByteSource | Uint8Array): ByteSource {
  return body instanceof Uint8Array ? new WholeSource(body) : body;
}

/**
 * All of a source that is to come to `sizeBytes`: less where it ends before, one byte more where it does not end there.
 * Undefined when it failed. The end is part of the proof: bytes are whole only when their source says so.
 */
export async function readWhole(source: ByteSource, sizeBytes: number): Promise<Uint8Array | undefined> {
  const bytes = Buffer.allocUnsafe(sizeBytes + 1);
  let count = 0;
  while (count < bytes.length) {
    const read = await source.read(bytes.subarray(count));
    if (read === FAILED) return undefined;
    if (read === ENDED) break;
    count += read;
  }
  return bytes.subarray(0, count);
}

class WholeSource implements ByteSource {
  #left: Uint8Array;
  #failure: Failure | undefined;

  constructor(bytes: Uint8Array) {
    this.#left = bytes;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  read(into: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.resolve(FAILED);
    const piece = this.#left.subarray(0, into.length);
    into.set(piece);
    this.#left = this.#left.subarray(piece.length);
    return Promise.resolve(piece.length === 0 ? ENDED : piece.length);
  }

  cancel(reason: Failure): void {
    this.#failure ??= reason;
  }
}
