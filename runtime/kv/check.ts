/** The limits of every key-value store, checked where changes enter: past them is a bug of the caller. */
import { assert } from "#runtime/errors.ts";
import type { KvChange } from "#runtime/kv/kv.ts";
import { MiB } from "#runtime/units.ts";

/** Longest key, bytes. A page of the store under it must hold several. */
export const keyBytesMax = 511;
/** Longest value, bytes. Larger things belong in packs. */
export const valueBytesMax: number = 1 * MiB;

export function assertKey(key: Uint8Array): void {
  assert(key.length >= 1 && key.length <= keyBytesMax, "a key has 1 … 511 bytes");
}

export function assertChanges(changes: readonly KvChange[]): void {
  for (const { key, value } of changes) {
    assertKey(key);
    assert(value === undefined || value.length <= valueBytesMax, "a value has at most 1 MiB");
  }
}

/** Bytes that a batch adds at most, to see how full a store gets. */
export function addedBytesOf(changes: readonly KvChange[]): number {
  let addedBytes = 0;
  for (const { key, value } of changes) if (value !== undefined) addedBytes += key.length + value.length;
  return addedBytes;
}
