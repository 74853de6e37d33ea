/**
 * The field GF(2^8) with the polynomial 0x11D: what a byte is to Reed–Solomon. Sums are `^`.
 *
 * Everybody who wants the same shards needs this polynomial: it is that of Backblaze's and klauspost's libraries.
 */
import { assert } from "#runtime/errors.ts";

/** x^8 = x^4 + x^3 + x^2 + 1: what a byte that is doubled over its eighth bit has to be corrected by. */
export const DOUBLING_CARRY = 0x1d;

/** 2^i for i below 510, so that the sum of two logarithms needs no modulo; and the logarithms to base 2. */
const { powers, logarithms } = tables();

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : at(powers, at(logarithms, a) + at(logarithms, b));
}

/** `b` is not zero. */
export function divide(a: number, b: number): number {
  assert(b !== 0, "nothing is divided by zero");
  return a === 0 ? 0 : at(powers, at(logarithms, a) + 255 - at(logarithms, b));
}

function tables(): { readonly powers: Uint8Array; readonly logarithms: Uint8Array } {
  const powers = new Uint8Array(510);
  const logarithms = new Uint8Array(256);
  for (let exponent = 0, power = 1; exponent < 255; exponent += 1) {
    powers[exponent] = power;
    powers[exponent + 255] = power;
    logarithms[power] = exponent;
    power = power < 128 ? power << 1 : ((power << 1) & 0xff) ^ DOUBLING_CARRY;
  }
  return { powers, logarithms };
}

function at(table: Uint8Array, index: number): number {
  const value = table[index];
  assert(value !== undefined, "a byte is an element of the field");
  return value;
}
