/** Bytes that are at hand, where a source of them is wanted. */
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";

export function asSource(body: ByteSource | Uint8Array): ByteSource {
  return body instanceof Uint8Array ? new WholeSource(body) : body;
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
