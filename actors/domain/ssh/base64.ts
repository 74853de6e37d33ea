/**
 * Base64 as OpenSSH and the producers' protocol write it: the standard alphabet, with padding, without breaks.
 *
 * Bytes have one spelling: two texts that mean the same would be two keys in a table, and one nonce used twice.
 */

/** Undefined unless `text` is the one spelling of some bytes. */
export function bytesFromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
