/** Digests a range of bytes as it is read: the whole, and every 64 KiB segment of it. */
import { assert } from "#runtime/errors.ts";
import { createHasher, digestOf, digestSizeBytes } from "#runtime/pool/blake3.ts";
import { KiB } from "#runtime/units.ts";

/** The unit of verification: a read checks the segments that it returns. */
export const segmentSizeBytes: number = 64 * KiB;
/** What one read of a range asks for. Larger ones gain nothing, smaller ones cost (architecture §6). */
export const pieceSizeBytes: number = 256 * KiB;

export interface RangeDigest {
  /** The next piece. Every one but the last is a whole number of segments long. */
  update(piece: Uint8Array): void;
  /** Call it once. `segments` holds the digests of the segments one after another, the last of what remained. */
  finish(): { readonly digest: Uint8Array; readonly segments: Uint8Array };
}

/** `lengthBytes` is what all pieces together come to. */
export function createRangeDigest(lengthBytes: number): RangeDigest {
  const whole = createHasher();
  const segments = new Uint8Array(Math.ceil(lengthBytes / segmentSizeBytes) * digestSizeBytes);
  let doneBytes = 0;

  return {
    update(piece) {
      assert(doneBytes % segmentSizeBytes === 0, "pieces begin at the border of a segment");
      assert(doneBytes + piece.length <= lengthBytes, "the pieces come to the length announced");
      whole.update(piece);
      for (let at = 0; at < piece.length; at += segmentSizeBytes) {
        const index = (doneBytes + at) / segmentSizeBytes;
        segments.set(digestOf(piece.subarray(at, at + segmentSizeBytes)), index * digestSizeBytes);
      }
      doneBytes += piece.length;
    },

    finish() {
      assert(doneBytes === lengthBytes, "the pieces come to the length announced");
      return { digest: whole.digest(), segments };
    },
  };
}
