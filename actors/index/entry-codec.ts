/**
 * Entries as the store keeps them. Key: `a` and the 32 bytes of the address. Value, 42 bytes: version 2, which manifest
 * lasts, the 32 bytes of the manifest's digest, the size as an unsigned 64-bit big-endian number. Where another one lasts,
 * the 32 bytes of its digest follow.
 *
 * A value of any other shape is damage or another version: the reader discards the store, which is only a cache.
 */
import { type Address, bytesFromDigest, digestFromBytes, digestOf } from "#actors/domain/address.ts";
import type { ResolvedEntry } from "#actors/index/protocol.ts";
import { assert } from "#runtime/errors.ts";

/** First byte of every value, and the value of `FORMAT_KEY`. */
export const ENTRY_VERSION = 2;
/** Where the version of the whole store is kept. */
export const FORMAT_KEY: Uint8Array = new TextEncoder().encode("m:format");
/** Where the feeder's position is kept. */
export const CHECKPOINT_KEY: Uint8Array = new TextEncoder().encode("m:checkpoint");

const ADDRESS_PREFIX = 0x61;
const DIGEST_SIZE_BYTES = 32;
const MANIFEST_OFFSET = 2;
const SIZE_OFFSET: number = MANIFEST_OFFSET + DIGEST_SIZE_BYTES;
const LASTING_OFFSET: number = SIZE_OFFSET + 8;

/** Which manifest lasts: that of the entry, none, or another. */
const SELF_LASTS = 0;
const NONE_LASTS = 1;
const OTHER_LASTS = 2;

export function encodeKey(address: Address): Uint8Array {
  const key = new Uint8Array(1 + DIGEST_SIZE_BYTES);
  key[0] = ADDRESS_PREFIX;
  key.set(bytesFromDigest(digestOf(address)), 1);
  return key;
}

export function encodeEntry({ manifest, sizeBytes, lasting }: ResolvedEntry): Uint8Array {
  assert(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, "a size is a whole number of bytes");
  const other = lasting === manifest ? undefined : lasting;
  const value = new Uint8Array(LASTING_OFFSET + (other === undefined ? 0 : DIGEST_SIZE_BYTES));
  value[0] = ENTRY_VERSION;
  value[1] = other !== undefined ? OTHER_LASTS : lasting === undefined ? NONE_LASTS : SELF_LASTS;
  value.set(bytesFromDigest(manifest), MANIFEST_OFFSET);
  new DataView(value.buffer).setBigUint64(SIZE_OFFSET, BigInt(sizeBytes));
  if (other !== undefined) value.set(bytesFromDigest(other), LASTING_OFFSET);
  return value;
}

/** Undefined if `value` is no entry of this version. */
export function decodeEntry(address: Address, value: Uint8Array): ResolvedEntry | undefined {
  const [version, lasts] = value;
  const hasOther = value.byteLength === LASTING_OFFSET + DIGEST_SIZE_BYTES;
  if (version !== ENTRY_VERSION || (!hasOther && value.byteLength !== LASTING_OFFSET)) return undefined;
  if (hasOther ? lasts !== OTHER_LASTS : lasts !== SELF_LASTS && lasts !== NONE_LASTS) return undefined;
  const size = new DataView(value.buffer, value.byteOffset, value.byteLength).getBigUint64(SIZE_OFFSET);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const manifest = digestFromBytes(value.subarray(MANIFEST_OFFSET));
  const other = hasOther ? digestFromBytes(value.subarray(LASTING_OFFSET)) : undefined;
  return { address, manifest, sizeBytes: Number(size), lasting: lasts === SELF_LASTS ? manifest : other };
}
