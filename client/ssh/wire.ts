/**
 * Values of the SSH wire format (RFC 4251 §5), written. `actors/domain/ssh/wire.ts` reads them, in the node, by itself: the
 * client is no part of it, and what one of them gets wrong the other does not agree with.
 *
 * Runs in a browser: no import but of its own.
 */

/** Bytes that WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>;

export function uint32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export function uint64(value: bigint): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** A string of bytes, or of the UTF-8 of a text. */
export function string(value: Uint8Array | string): Bytes {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return joined(uint32(bytes.length), bytes);
}

export function joined(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => right[at] === byte);
}

/** Standard alphabet, padded. */
export function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** Whether it is that. There may be another spelling of the same bytes: who wants only one writes them again. */
export function isBase64(text: string): boolean {
  return BASE64.test(text);
}

/** The bytes of what is base64; the URL-safe alphabet, without padding, will do too. */
export function bytesOf(base64: string): Bytes {
  return Uint8Array.from(atob(base64.replaceAll("-", "+").replaceAll("_", "/")), (byte) => byte.charCodeAt(0));
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
