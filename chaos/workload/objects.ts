/** Objects of a workload: cut from one block of random bytes, so that making one costs nothing. */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import type { Random } from "#runtime/random.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { sourceOver } from "#test/kit/byte-source.ts";

export interface WorkObject {
  /** As the node has to name it. */
  readonly address: string;
  readonly bytes: Uint8Array;
}

const block = seededRandom(77).bytes(2 * MiB);
/** Below and above the sizes at which storage does something else: inline, one chunk, several, several packs. */
const SIZES = [0, 1, 700, 5 * KiB, 64 * KiB, 100 * KiB, 300 * KiB, 1 * MiB];
const OFFSETS = 64;

export function anyObject(random: Random): WorkObject {
  const sizeBytes = (SIZES[random.below(SIZES.length)] ?? 0) + random.below(2);
  return objectOf(random, sizeBytes);
}

/**
 * The one of this number, below 500, of those that nobody else has. It begins like others do, so that it has chunks of theirs, and
 * is shorter than what takes a run its time. By its length it is nobody else's: theirs have up to two bytes more than a size.
 */
export function objectApart(random: Random, number: number): WorkObject {
  const sizeBytes = (SIZES[random.below(SIZES.length - 1)] ?? 0) + 3 + number;
  return objectOf(random, sizeBytes);
}

function objectOf(random: Random, sizeBytes: number): WorkObject {
  // Few offsets, so that objects come again, and share chunks.
  const from = random.below(OFFSETS) * 8 * KiB;
  const bytes = block.subarray(from, from + sizeBytes);
  return { address: `b3:${Buffer.from(digestOf(bytes)).toString("hex")}`, bytes };
}

export interface Upload {
  readonly clock: Clock;
  readonly random: Random;
  /** The client breaks off before this byte; never, unless it is given. */
  readonly failAt?: number;
}

/** The body as a client sends it: in pieces of any size, now and then after a while. */
export function uploadOf(bytes: Uint8Array, { clock, random, failAt }: Upload): ByteSource {
  return sourceOver(bytes, {
    pieceBytes: () => 1 + random.below(128 * KiB),
    failAt,
    failure: { code: "gateway.body-truncated" },
    before: async () => {
      if (random.below(16) === 0) await new Promise<void>((resolve) => void clock.after(random.below(20), resolve));
    },
  });
}
