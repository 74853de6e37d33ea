/**
 * ULIDs: 48 bits of milliseconds since 1970 and 80 of chance, in 26 digits of Crockford's base 32. The same 128 bits are a
 * UUID: so an event of protocol 0.1.0 has an `event_id`.
 *
 * The first digit is at most 7, because 26 digits are two bits more than there are. Either case is read and upper case is
 * kept; `I`, `L`, `O` and `U` are no digits, though Crockford would have three of them read as others: no ULID is
 * written with them, and one id has one spelling but for its case.
 *
 * Two of one millisecond are in no order.
 */
import { type Uuid, uuidOfHex } from "#actors/domain/uuid.ts";
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

declare const ulidBrand: unique symbol;

/** In upper case. */
export type Ulid = string & { readonly [ulidBrand]: true };

/** Digits of so many bits. */
interface Base {
  readonly digits: string;
  readonly bits: number;
  /** What a digit is worth, by its character. */
  readonly worth: Uint8Array;
}

const HEX: Base = baseOf("0123456789abcdef", 4);
const CROCKFORD: Base = baseOf("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 5);
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i;
const LAST_MS = 2 ** 48 - 1;
/** What 26 digits of five bits have more than 32 of four. */
const SPARE_BITS = 2;

export function parseUlid(text: string): Ulid | undefined {
  return ULID.test(text) ? (text.toUpperCase() as Ulid) : undefined;
}

/** Of the moment `wallMs`, in milliseconds since 1970. Nobody guesses it who cannot guess `random`. */
export function makeUlid(wallMs: number, random: Random): Ulid {
  assert(Number.isInteger(wallMs) && wallMs >= 0 && wallMs <= LAST_MS, "a ULID has 48 bits of milliseconds");
  return ulidOfHex(wallMs.toString(16).padStart(12, "0") + random.bytes(10).toHex());
}

export function uuidOfUlid(ulid: Ulid): Uuid {
  return uuidOfHex(rewrite(ulid, CROCKFORD, HEX, -SPARE_BITS));
}

export function ulidOfUuid(uuid: Uuid): Ulid {
  return ulidOfHex(uuid.replaceAll("-", ""));
}

function ulidOfHex(hex: string): Ulid {
  return rewrite(hex, HEX, CROCKFORD, SPARE_BITS) as Ulid;
}

/**
 * The same bits in digits of another size; nothing is left over. `spareBits` zeros come before the first digit; below zero, it has
 * so many too many.
 */
function rewrite(text: string, from: Base, to: Base, spareBits: number): string {
  let written = "";
  let held = 0;
  let heldBits = spareBits;
  for (let at = 0; at < text.length; at += 1) {
    held = (held << from.bits) | (from.worth[text.charCodeAt(at)] ?? 0);
    heldBits += from.bits;
    while (heldBits >= to.bits) {
      heldBits -= to.bits;
      written += to.digits.charAt(held >> heldBits);
      held &= (1 << heldBits) - 1;
    }
  }
  return written;
}

function baseOf(digits: string, bits: number): Base {
  const worth = new Uint8Array(128);
  for (let value = 0; value < digits.length; value += 1) worth[digits.charCodeAt(value)] = value;
  return { digits, bits, worth };
}
