/**
 * DER, written: the values of ASN.1 (X.690 §10) that certificates are made of.
 *
 * Runs in a browser.
 */
import { type Bytes, base64Of, joined } from "#client/ssh/wire.ts";

export function sequence(...members: readonly Uint8Array[]): Bytes {
  return value(0x30, joined(...members));
}

/** Of one member: more would have to be sorted. */
export function setOf(member: Uint8Array): Bytes {
  return value(0x31, member);
}

/** A positive number, from its bytes with the highest first. */
export function integer(bytes: Uint8Array): Bytes {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
  // The highest bit would be a sign.
  return value(2, (digits[0] ?? 0) < 0x80 ? digits : joined(Uint8Array.of(0), digits));
}

/** `1.3.101.112`. */
export function oid(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return value(6, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]));
}

export function utf8(text: string): Bytes {
  return value(12, new TextEncoder().encode(text));
}

export function octets(bytes: Uint8Array): Bytes {
  return value(4, bytes);
}

/** Whole bytes, or the first bits of the last one: `unusedBits` of it are none. */
export function bits(bytes: Uint8Array, unusedBits = 0): Bytes {
  return value(3, joined(Uint8Array.of(unusedBits), bytes));
}

export const TRUE: Bytes = value(1, Uint8Array.of(0xff));

/** Seconds since 1970, of the years 1950 to 9999, in the form that RFC 5280 §4.1.2.5 wants for that year. */
export function time(seconds: number): Bytes {
  const [date = "", clock = ""] = new Date(seconds * 1000).toISOString().split("T");
  const digits = `${date.replaceAll("-", "")}${clock.slice(0, 8).replaceAll(":", "")}Z`;
  const isShort = Number(date.slice(0, 4)) < 2050;
  return value(isShort ? 23 : 24, new TextEncoder().encode(isShort ? digits.slice(2) : digits));
}

/** `[number]` around whole values; with `isPrimitive` in the place of the tag of one, around its contents. */
export function tagged(number: number, contents: Uint8Array, isPrimitive = false): Bytes {
  return value((isPrimitive ? 0x80 : 0xa0) | number, contents);
}

/** The form in which files and programs take it. */
export function pem(label: string, der: Uint8Array): string {
  return [`-----BEGIN ${label}-----`, ...(base64Of(der).match(/.{1,64}/g) ?? []), `-----END ${label}-----`, ""].join(
    "\n",
  );
}

function value(tag: number, contents: Uint8Array): Bytes {
  const { length } = contents;
  if (length < 0x80) return joined(Uint8Array.of(tag, length), contents);
  const digits = base256(length);
  return joined(Uint8Array.of(tag, 0x80 | digits.length, ...digits), contents);
}

function base256(number: number): readonly number[] {
  return number < 256 ? [number] : [...base256(Math.floor(number / 256)), number % 256];
}

/** Seven bits a byte; all but the last have the eighth. */
function base128(number: number): readonly number[] {
  const high = (rest: number): readonly number[] => (rest === 0 ? [] : [...high(rest >>> 7), (rest & 0x7f) | 0x80]);
  return [...high(number >>> 7), number & 0x7f];
}
