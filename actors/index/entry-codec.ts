/**
 * Entries as the store keeps them. Key: `a` and the 32 bytes of the address. Value, 41 bytes: version 1, the 32
 * bytes of the manifest's digest, the size as an unsigned 64-bit big-endian number.
 *
 * A value of any other shape is damage or another version: the reader discards the store, which is only a cache.
 */
import { type Address, bytesFromDigest, digestFromBytes, digestOf } from "#actors/domain/address.ts";
import type { IndexEntry } from "#actors/index/protocol.ts";
import { assert } from "#runtime/errors.ts";

/** First byte of every value, and the value of `FORMAT_KEY`. */
export const ENTRY_VERSION = 1;
/** Bytes of an encoded entry. */
export const ENTRY_SIZE_BYTES = 41;
/** Where the version of the whole store is kept. */
export const FORMAT_KEY: Uint8Array = new TextEncoder().encode("m:format");
/** Where the feeder's position is kept. */
export const CHECKPOINT_KEY: Uint8Array = new TextEncoder().encode("m:checkpoint");

const ADDRESS_PREFIX = 0x61;
const DIGEST_SIZE_BYTES = 32;
const SIZE_OFFSET = 1 + DIGEST_SIZE_BYTES;

export function encodeKey(address: Address): Uint8Array {
  const key = new Uint8Array(1 + DIGEST_SIZE_BYTES);
  key[0] = ADDRESS_PREFIX;
  key.set(bytesFromDigest(digestOf(address)), 1);
  return key;
}

export function encodeEntry({ manifest, sizeBytes }: IndexEntry): Uint8Array {
  assert(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, "a size is a whole number of bytes");
  const value = new Uint8Array(ENTRY_SIZE_BYTES);
  value[0] = ENTRY_VERSION;
  value.set(bytesFromDigest(manifest), 1);
  new DataView(value.buffer).setBigUint64(SIZE_OFFSET, BigInt(sizeBytes));
  return value;
}

/** Undefined if `value` is no entry of this version. */
export function decodeEntry(address: Address, value: Uint8Array): IndexEntry | undefined {
  if (value.byteLength !== ENTRY_SIZE_BYTES || value[0] !== ENTRY_VERSION) return undefined;
  const size = new DataView(value.buffer, value.byteOffset, value.byteLength).getBigUint64(SIZE_OFFSET);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return { address, manifest: digestFromBytes(value.subarray(1)), sizeBytes: Number(size) };
}
