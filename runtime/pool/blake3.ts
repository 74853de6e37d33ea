/**
 * BLAKE3-256: the one module that knows the native library.
 *
 * The library takes `Buffer`s only; views are made here without copying.
 */
import { Blake3Hasher, blake3UrlSafeBase64 } from "@napi-rs/blake-hash";
import type { Hasher } from "#runtime/pool/cpu.ts";

/** Bytes of a digest. */
export const digestSizeBytes = 32;

const written = Buffer.alloc(digestSizeBytes);

/**
 * The digest of `bytes`, in memory of its own. The library's buffers are memory of the system, each with an end to be run:
 * text takes half as long.
 */
export function digestOf(bytes: Uint8Array): Uint8Array {
  written.write(blake3UrlSafeBase64(bufferOver(bytes)), "base64url");
  return new Uint8Array(written);
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
