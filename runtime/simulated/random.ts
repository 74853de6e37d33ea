/**
 * Randomness that is a function of its seed: sfc32 (128 bits of state, passes PractRand), seeded through splitmix32 so
 * that neighbouring seeds share nothing. Not for keys.
 */
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

const twoTo32 = 2 ** 32;
/** Rounds thrown away after seeding, until every state bit depends on every seed bit. */
const warmUpRounds = 12;

/** The same `seed` (its low 32 bits count) gives the same sequence for the same sequence of questions. */
export function seededRandom(seed: number): Random {
  const next = sfc32(seed);

  return {
    bytes(count) {
      assert(Number.isInteger(count) && count >= 0, "a count of bytes is a whole number");
      const bytes = new Uint8Array(count);
      for (let at = 0; at < count; at += 4) {
        const word = next();
        for (let offset = 0; offset < 4 && at + offset < count; offset += 1) {
          bytes[at + offset] = word >>> (8 * offset);
        }
      }
      return bytes;
    },

    below(exclusiveMax) {
      assert(Number.isInteger(exclusiveMax) && exclusiveMax >= 1 && exclusiveMax <= twoTo32, "below takes 1 … 2^32");
      // Words past the last whole multiple would make small answers more likely: ask again (expected < 2 rounds).
      const fair = twoTo32 - (twoTo32 % exclusiveMax);
      for (;;) {
        const word = next();
        if (word < fair) return word % exclusiveMax;
      }
    },

    id() {
      return hex(next()) + hex(next());
    },
  };
}

function sfc32(seed: number): () => number {
  const seedWord = splitmix32(seed);
  let a = seedWord();
  let b = seedWord();
  let c = seedWord();
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < warmUpRounds; round += 1) next();
  return next;
}

function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return word ^ (word >>> 15);
  };
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
