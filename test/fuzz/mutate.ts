/** Inputs made from inputs: what damage, malice and coincidence do to bytes. */
import type { Random } from "#runtime/random.ts";

/** Longest input, bytes: none of what is fuzzed needs more to be wrong. */
export const INPUT_BYTES_MAX = 4096;

const TELLING = [0x00, 0x01, 0x20, 0x2c, 0x2d, 0x30, 0x7f, 0x80, 0xff];

/** One to eight changes of `input`; `other` is one to take pieces from. */
export function mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes = Buffer.from(input);
  const changes = 1 << random.below(4);
  for (let change = 0; change < changes; change += 1) bytes = changed(bytes, other, random);
  return new Uint8Array(bytes.subarray(0, INPUT_BYTES_MAX));
}

function changed(bytes: Buffer, other: Uint8Array, random: Random): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(16));
  const kind = random.below(8);
  if (kind === 0) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
  if (kind === 1) return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
  if (kind === 2) {
    const added = random.below(2) === 0 ? random.bytes(1 + random.below(4)) : Uint8Array.of(telling(random));
    return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
  }
  if (kind === 3) return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]);
  if (kind === 4 && random.below(4) === 0) return copy.subarray(0, at);
  if (at === bytes.length) return copy;
  const before = bytes.readUInt8(at);
  if (kind === 5) copy.writeUInt8(telling(random), at);
  else if (kind === 6) copy.writeUInt8((before + (random.below(2) === 0 ? 1 : 255)) & 0xff, at);
  else copy.writeUInt8(before ^ (1 << random.below(8)), at);
  return copy;
}

function telling(random: Random): number {
  return TELLING[random.below(TELLING.length)] ?? 0;
}
