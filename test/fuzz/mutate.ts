/** Inputs made from inputs: what damage, malice and coincidence do to bytes. */
import type { Random } from "#runtime/random.ts";

/** Longest input, bytes: hardly anything that is fuzzed needs more to be wrong. */
export const INPUT_BYTES_MAX = 4096;

const TELLING = [0x00, 0x01, 0x20, 0x22, 0x2c, 0x2d, 0x30, 0x5b, 0x7b, 0x7f, 0x80, 0xff];
/** What lengths and counts begin to go wrong at. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** What is known of the format. */
export interface Known {
  readonly words?: readonly string[] | undefined;
  readonly bytesMax?: number | undefined;
}

/** One to eight changes of `input`; `other` is one to take pieces from. */
export function mutate(input: Uint8Array, other: Uint8Array, random: Random, known: Known = {}): Uint8Array {
  const { words = [], bytesMax = INPUT_BYTES_MAX } = known;
  let bytes = Buffer.from(input);
  const changes = 1 << random.below(4);
  for (let change = 0; change < changes; change += 1) bytes = changed(bytes, { other, words, bytesMax }, random);
  return new Uint8Array(bytes.subarray(0, bytesMax));
}

interface Material extends Required<Known> {
  readonly other: Uint8Array;
  readonly words: readonly string[];
  readonly bytesMax: number;
}

function changed(bytes: Buffer, { other, words, bytesMax }: Material, random: Random): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(16));
  const kind = random.below(10);
  if (kind === 0) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
  if (kind === 1) {
    const word = words.length > 0 && random.below(2) === 0 ? wordOf(words, random) : bytes.subarray(at, end);
    return repeated(bytes, end, word, bytesMax, random);
  }
  if (kind === 2) {
    const added = random.below(2) === 0 ? random.bytes(1 + random.below(4)) : Uint8Array.of(telling(random));
    return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
  }
  if (kind === 3) return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]);
  if (kind === 4 && random.below(4) === 0) return copy.subarray(0, at);
  if (kind === 5 && words.length > 0) {
    const word = wordOf(words, random);
    const after = random.below(2) === 0 ? at : Math.min(bytes.length, at + word.length);
    return Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(after)]);
  }
  if (at === bytes.length) return copy;
  const before = bytes.readUInt8(at);
  if (kind === 6) copy.writeUInt8(telling(random), at);
  else if (kind === 7) copy.writeUInt8((before + (random.below(2) === 0 ? 1 : 255)) & 0xff, at);
  else if (kind === 8 && at + 4 <= bytes.length) writeNumber(copy, at, random);
  else copy.writeUInt8(before ^ (1 << random.below(8)), at);
  return copy;
}

/** Twice mostly; now and then as often as there is room for: what takes long takes long for many of something. */
function repeated(bytes: Buffer, at: number, piece: Buffer, bytesMax: number, random: Random): Buffer<ArrayBuffer> {
  const fits = Math.floor(Math.max(0, bytesMax - bytes.length) / Math.max(1, piece.length));
  const times = random.below(64) === 0 ? fits : Math.min(fits, 1 << random.below(4));
  const added = times === 0 ? piece.subarray(0, 0) : Buffer.alloc(piece.length * times, piece);
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
}

function wordOf(words: readonly string[], random: Random): Buffer {
  return Buffer.from(words[random.below(words.length)] ?? "", "latin1");
}

function writeNumber(bytes: Buffer, at: number, random: Random): void {
  const number = NUMBERS[random.below(NUMBERS.length)] ?? 0;
  if (random.below(2) === 0) bytes.writeUInt32BE(number, at);
  else bytes.writeUInt32LE(number, at);
}

function telling(random: Random): number {
  return TELLING[random.below(TELLING.length)] ?? 0;
}
