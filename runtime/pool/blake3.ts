/**
 * BLAKE3-256: the one module that knows the native library.
 *
 * The library takes `Buffer`s only; views are made here without copying.
 */
import { Blake3Hasher, blake3 } from "@napi-rs/blake-hash";
import type { Hasher } from "#runtime/pool/cpu.ts";

/** Bytes of a digest. */
export const digestSizeBytes = 32;

/** The digest of `bytes`, in memory of its own. */
export function digestOf(bytes: Uint8Array): Uint8Array {
  return ownBytes(blake3(bufferOver(bytes)));
}

/** An incremental digest. It lives on the thread that made it. */
export function createHasher(): Hasher {
  const hasher = new Blake3Hasher();
  return {
    update(bytes) {
      hasher.update(bufferOver(bytes));
    },
    digest: () => ownBytes(hasher.digestBuffer()),
  };
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A plain `Uint8Array`: equal to others of its kind in comparisons, and cloned as itself between threads. */
function ownBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
