/** The system's cryptographic randomness. */
import { randomBytes, randomFillSync, randomInt } from "node:crypto";
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

const idBytes = 8;
/** Ids are drawn in blocks: one system call for 512 of them. They are public, so it is fine to hold them in advance. */
const idBlockBytes = 512 * idBytes;
const twoTo32 = 2 ** 32;

/** One value per process; the block of ids is its only state. */
export function createRealRandom(): Random {
  const block = Buffer.alloc(idBlockBytes);
  let used = idBlockBytes;

  return {
    bytes(count) {
      assert(Number.isInteger(count) && count >= 0, "a count of bytes is a whole number");
      // A copy: `randomBytes` may answer with a view of a shared buffer, which must not be transferred to a thread.
      return new Uint8Array(randomBytes(count));
    },

    below(exclusiveMax) {
      assert(Number.isInteger(exclusiveMax) && exclusiveMax >= 1 && exclusiveMax <= twoTo32, "below takes 1 … 2^32");
      return randomInt(exclusiveMax);
    },

    id() {
      if (used === idBlockBytes) {
        randomFillSync(block);
        used = 0;
      }
      used += idBytes;
      return block.toString("hex", used - idBytes, used);
    },
  };
}
