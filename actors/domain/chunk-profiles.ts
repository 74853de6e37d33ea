/**
 * How an object may be cut. Each profile is frozen under its name, which every manifest carries: other numbers are
 * another profile.
 *
 * - `gear-nc2/1`, the default: 1 to 4 MiB, 2 MiB on average. Little to remember, good for erasure and large files.
 * - `gear-fine/1`: 16 to 256 KiB, 64 KiB on average. Finds more that is the same, in disk images, source trees and
 *   backups, with 30 times as many chunks to remember.
 * - `fixed/1`: every 1 MiB. For what never shares a part with anything else: media, archives, ciphertext.
 */
import { KiB, MiB } from "#runtime/units.ts";

export type ChunkerName = "gear-nc2/1" | "gear-fine/1" | "fixed/1";

/** For a put that asks for none. */
export const CHUNKER_DEFAULT: ChunkerName = "gear-nc2/1";

/** FastCDC with normalization. */
export interface ChunkProfile {
  readonly name: ChunkerName;
  /** Only the last chunk of an object may be shorter. Nothing is looked at before. */
  readonly bytesMin: number;
  /** Up to here a cut takes `strictBits` leading zeroes of the hash, from here on `looseBits`. */
  readonly bytesNormal: number;
  /** A chunk of this length is cut whatever it holds. */
  readonly bytesMax: number;
  readonly strictBits: number;
  readonly looseBits: number;
}

/** The average is that of `looseBits` behind the normal size: 1.5 MiB and 0.5, 48 KiB and 16. */
export const CHUNK_PROFILES: Readonly<Record<ChunkerName, ChunkProfile>> = {
  "gear-nc2/1": {
    name: "gear-nc2/1",
    bytesMin: 1 * MiB,
    bytesNormal: 1536 * KiB,
    bytesMax: 4 * MiB,
    strictBits: 23,
    looseBits: 19,
  },
  "gear-fine/1": {
    name: "gear-fine/1",
    bytesMin: 16 * KiB,
    bytesNormal: 48 * KiB,
    bytesMax: 256 * KiB,
    strictBits: 18,
    looseBits: 14,
  },
  "fixed/1": {
    name: "fixed/1",
    bytesMin: 1 * MiB,
    bytesNormal: 1 * MiB,
    bytesMax: 1 * MiB,
    strictBits: 32,
    looseBits: 32,
  },
};

/** Of any profile. */
export const CHUNK_BYTES_MAX: number = 4 * MiB;

export function isChunkerName(name: string): name is ChunkerName {
  return Object.hasOwn(CHUNK_PROFILES, name);
}
