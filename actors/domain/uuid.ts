/**
 * UUIDs as they come from outside: 8-4-4-4-12 hex digits of any version, without the braces and the missing hyphens that
 * Postgres would take too.
 *
 * They are read in either case and kept in lower case, as Postgres writes them: what is equal is one text, and one row.
 */
declare const uuidBrand: unique symbol;

/** In lower case. */
export type Uuid = string & { readonly [uuidBrand]: true };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function parseUuid(text: string): Uuid | undefined {
  return UUID.test(text) ? (text.toLowerCase() as Uuid) : undefined;
}

/** `hex` is 32 digits in lower case. */
export function uuidOfHex(hex: string): Uuid {
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join("-") as Uuid;
}
