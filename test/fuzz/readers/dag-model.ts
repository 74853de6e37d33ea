/**
 * Whether bytes are canonical DAG-CBOR, read byte by byte: shortest heads, keys of maps shorter first and then by their bytes,
 * none twice, floats of eight bytes that are numbers, no tag but that of a link. What the library behind the seam is held against.
 */
import { CID } from "multiformats/cid";

/** Values inside each other: more than an input has room for. */
const DEPTH_MAX = 5000;

class NotCanonical extends Error {}

export function readCanonicalDag(bytes: Uint8Array): boolean {
  try {
    const view = Buffer.from(bytes);
    return skip(view, 0, 0) === view.length && view.length > 0;
  } catch (cause) {
    if (cause instanceof NotCanonical) return false;
    throw cause;
  }
}

function refuse(why: string): never {
  throw new NotCanonical(why);
}

/** Where the value that begins at `at` ends. */
function skip(view: Buffer, at: number, depth: number): number {
  if (at >= view.length || depth > DEPTH_MAX) return refuse("cut");
  const head = view.readUInt8(at);
  const major = head >> 5;
  if (major === 7) return simple(view, at, head & 31);
  const [count, from] = counted(view, at, head & 31);
  switch (major) {
    case 0:
    case 1:
      return from;
    case 2:
      return within(view, from, count);
    case 3: {
      const end = within(view, from, count);
      const text = view.subarray(from, end);
      return Buffer.from(text.toString()).equals(text) ? end : refuse("no UTF-8");
    }
    case 4: {
      let end = from;
      for (let index = 0n; index < count; index += 1n) end = skip(view, end, depth + 1);
      return end;
    }
    case 5:
      return map(view, from, count, depth);
    default:
      return link(view, from, count);
  }
}

function map(view: Buffer, from: number, count: bigint, depth: number): number {
  let end = from;
  let before: Buffer | undefined;
  for (let index = 0n; index < count; index += 1n) {
    const keyEnd = end < view.length && view.readUInt8(end) >> 5 === 3 ? skip(view, end, depth + 1) : refuse("no text");
    const key = view.subarray(end, keyEnd);
    // Heads are the shortest, so that a longer key has a larger one.
    if (before !== undefined && Buffer.compare(before, key) >= 0) return refuse("keys out of order");
    before = key;
    end = skip(view, keyEnd, depth + 1);
  }
  return end;
}

function link(view: Buffer, from: number, tag: bigint): number {
  if (tag !== 42n || from >= view.length || view.readUInt8(from) >> 5 !== 2) return refuse("no link");
  const [length, start] = counted(view, from, view.readUInt8(from) & 31);
  const end = within(view, start, length);
  if (length === 0n || view.readUInt8(start) !== 0) return refuse("no base");
  try {
    const bytes = view.subarray(start + 1, end);
    // The library takes lengths and versions in other spellings, and writes them in one.
    if (Buffer.compare(CID.decode(bytes).bytes, bytes) !== 0) return refuse("another spelling");
  } catch (cause) {
    if (cause instanceof NotCanonical) throw cause;
    return refuse("no CID");
  }
  return end;
}

function simple(view: Buffer, at: number, minor: number): number {
  if (minor >= 20 && minor <= 22) return at + 1;
  if (minor !== 27 || at + 9 > view.length) return refuse("no such value");
  const number = view.readDoubleBE(at + 1);
  // A whole number has one form, and that is not this one.
  return Number.isFinite(number) && !Number.isSafeInteger(number) ? at + 9 : refuse("no float");
}

function counted(view: Buffer, at: number, minor: number): readonly [count: bigint, from: number] {
  if (minor < 24) return [BigInt(minor), at + 1];
  const width = 2 ** (minor - 24);
  if (minor > 27 || at + 1 + width > view.length) return refuse("no count");
  const count = BigInt(`0x${view.toString("hex", at + 1, at + 1 + width)}`);
  const least = width === 1 ? 24n : 1n << BigInt(4 * width);
  return count < least ? refuse("longer than it needs to be") : [count, at + 1 + width];
}

function within(view: Buffer, from: number, count: bigint): number {
  return count > BigInt(view.length - from) ? refuse("cut") : from + Number(count);
}
