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

/** `$1::uuid[]`. With hyphens, as Postgres writes them. */
export function uuidArray(values: readonly string[]): Uint8Array {
  const array = headed(UUID, values.length, values.length * (LENGTH_BYTES + UUID_BYTES));
  let at = HEAD_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(UUID_BYTES, at);
    const written = array.write(value.replaceAll("-", ""), at, UUID_BYTES, "hex");
    assert(written === UUID_BYTES, "a UUID has 32 hex digits");
    at += UUID_BYTES;
  }
  return array;
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
