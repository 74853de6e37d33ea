/**
 * Lists as Postgres receives arrays in its binary form: for statements that bring thousands of values at once.
 *
 * As a text an array has every quote and every backslash of its elements escaped, and the database takes that apart again: for
 * JSON that costs both sides more than all else that is done with it. What an array is of has to be what the statement says.
 */
import { assert } from "#runtime/errors.ts";

/** Numbers of the types, which are the same in every Postgres. */
const BYTEA = 17;
const INT8 = 20;
const TEXT = 25;
const UUID = 2950;

/** Dimensions, whether there is a null, type, count, first index. */
const HEAD_BYTES = 20;
const LENGTH_BYTES = 4;
const UUID_BYTES = 16;
const INT8_BYTES = 8;
const UUID_LENGTH = 36;
const HYPHENS = [8, 13, 18, 23];
/** Where the first of two digits is, for each octet. */
const OCTETS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const NOT_A_UUID = "a UUID has 32 hex digits, in five groups";

/** `$1::uuid[]`. With hyphens, as Postgres writes them. */
export function uuidArray(values: readonly string[]): Uint8Array {
  const array = headed(UUID, values.length, values.length * (LENGTH_BYTES + UUID_BYTES));
  let at = HEAD_BYTES;
  let before: string | undefined;
  for (const value of values) {
    at = array.writeInt32BE(UUID_BYTES, at);
    // In many lists one follows itself: a producer, a subject.
    if (value === before) array.copyWithin(at, at - LENGTH_BYTES - UUID_BYTES, at - LENGTH_BYTES);
    else writeUuid(array, value, at);
    before = value;
    at += UUID_BYTES;
  }
  return array;
}

/** Digit by digit: every event has several, and to make a text without hyphens first takes longer. */
function writeUuid(array: Uint8Array, value: string, start: number): void {
  assert(value.length === UUID_LENGTH && HYPHENS.every((at) => value[at] === "-"), NOT_A_UUID);
  let at = start;
  for (const place of OCTETS) {
    const octet = (digitOf(value.charCodeAt(place)) << 4) | digitOf(value.charCodeAt(place + 1));
    assert(octet >= 0, NOT_A_UUID);
    array[at] = octet;
    at += 1;
  }
}

/** -1: it is none. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** `$1::bigint[]`. */
export function bigintArray(values: readonly bigint[]): Uint8Array {
  const array = headed(INT8, values.length, values.length * (LENGTH_BYTES + INT8_BYTES));
  let at = HEAD_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(INT8_BYTES, at);
    at = array.writeBigInt64BE(value, at);
  }
  return array;
}

/** `$1::text[]`. */
export function textArray(values: readonly string[]): Uint8Array {
  const sizes = values.map((value) => Buffer.byteLength(value));
  const array = headed(
    TEXT,
    values.length,
    sizes.reduce((sum, size) => sum + LENGTH_BYTES + size, 0),
  );
  let at = HEAD_BYTES;
  for (const [index, value] of values.entries()) {
    at = array.writeInt32BE(sizes[index] ?? 0, at);
    at += array.write(value, at);
  }
  return array;
}

/** `$1::bytea[]`. */
export function bytesArray(values: readonly Uint8Array[]): Uint8Array {
  const array = headed(
    BYTEA,
    values.length,
    values.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0),
  );
  let at = HEAD_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(value.length, at);
    array.set(value, at);
    at += value.length;
  }
  return array;
}

function headed(type: number, count: number, sizeBytes: number): Buffer {
  const array = Buffer.allocUnsafe(HEAD_BYTES + sizeBytes);
  let at = array.writeInt32BE(1, 0);
  at = array.writeInt32BE(0, at);
  at = array.writeInt32BE(type, at);
  at = array.writeInt32BE(count, at);
  array.writeInt32BE(1, at);
  return array;
}
