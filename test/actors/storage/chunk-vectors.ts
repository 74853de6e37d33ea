/**
 * The published cuts of every chunker, by an implementation that sees the whole object and follows the words of
 * `specs/formats/chunkers.md`. Run by itself it writes `specs/formats/chunkers.json`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { CHUNK_PROFILES, type ChunkerName, type ChunkProfile } from "#actors/domain/chunk-profiles.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { KiB, MiB } from "#runtime/units.ts";

const file = new URL("../../../specs/formats/chunkers.json", import.meta.url);

/** What is cut. `noise`: the digests of `cepa noise 0`, `cepa noise 1` … one behind the other. */
export interface VectorInput {
  readonly parts: readonly { readonly of: "noise" | "zero"; readonly from?: number; readonly bytes: number }[];
}

export interface Vector extends VectorInput {
  readonly chunker: ChunkerName;
  /** Where chunks end, the last one's end included. */
  readonly ends: readonly number[];
}

const encoder = new TextEncoder();
const noise = new Uint8Array(16 * MiB);
for (let at = 0; at < noise.length; at += 32) noise.set(digestOf(encoder.encode(`cepa noise ${at / 32}`)), at);

const table = Array.from({ length: 256 }, (_, index) => {
  const digest = digestOf(encoder.encode(`cepa gear-nc2/1 ${index}`));
  return Buffer.from(digest).readUInt32LE(0);
});

export function bytesOf({ parts }: VectorInput): Uint8Array {
  return Buffer.concat(
    parts.map(({ of, from = 0, bytes }) => (of === "noise" ? noise.subarray(from, from + bytes) : Buffer.alloc(bytes))),
  );
}

/** One chunk after another. */
export function naiveEnds(bytes: Uint8Array, profile: ChunkProfile): readonly number[] {
  const ends: number[] = [];
  let from = 0;
  let hash = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const length = at - from + 1;
    if (length > profile.bytesMin) hash = (2 * hash + (table[bytes[at] ?? 0] ?? 0)) % 2 ** 32;
    const zeroBits = length <= profile.bytesNormal ? profile.strictBits : profile.looseBits;
    const isCut = length > profile.bytesMin && hash < 2 ** (32 - zeroBits);
    if (!isCut && length < profile.bytesMax) continue;
    ends.push(at + 1);
    from = at + 1;
    hash = 0;
  }
  return from < bytes.length ? [...ends, bytes.length] : ends;
}

const INPUTS: readonly VectorInput[] = [
  { parts: [] },
  { parts: [{ of: "noise", bytes: 1 }] },
  { parts: [{ of: "noise", bytes: 16 * KiB }] },
  { parts: [{ of: "noise", bytes: 16 * KiB + 1 }] },
  { parts: [{ of: "noise", bytes: 1 * MiB }] },
  { parts: [{ of: "noise", bytes: 1 * MiB + 1 }] },
  { parts: [{ of: "zero", bytes: 5 * MiB + 7 }] },
  { parts: [{ of: "noise", bytes: 16 * MiB }] },
  // Seven bytes in front: the cuts come again.
  {
    parts: [
      { of: "zero", bytes: 7 },
      { of: "noise", bytes: 8 * MiB },
    ],
  },
  {
    parts: [
      { of: "noise", bytes: 3 * MiB },
      { of: "zero", bytes: 3 * MiB },
      { of: "noise", from: 9 * MiB, bytes: 3 * MiB },
    ],
  },
];

export function makeVectors(): readonly Vector[] {
  return Object.values(CHUNK_PROFILES).flatMap((profile) =>
    INPUTS.map((input) => ({ chunker: profile.name, ...input, ends: naiveEnds(bytesOf(input), profile) })),
  );
}

export function publishedVectors(): readonly Vector[] {
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly vectors: readonly Vector[] }).vectors;
}

if (import.meta.main) {
  const lines = makeVectors().map((vector) => `    ${JSON.stringify(vector)}`);
  writeFileSync(file, `{\n  "vectors": [\n${lines.join(",\n")}\n  ]\n}\n`);
}
