/**
 * Names of content. An **address** `b3:<64 hex>` is the BLAKE3-256 of an unencrypted object (seed 003 §0.1); a
 * **digest** is the bare 64 hex digits, used for chunks and manifest nodes.
 */
declare const addressBrand: unique symbol;
declare const digestBrand: unique symbol;

export type Address = string & { readonly [addressBrand]: true };
export type Digest = string & { readonly [digestBrand]: true };

const ADDRESS = /^b3:[0-9a-f]{64}$/;
const DIGEST = /^[0-9a-f]{64}$/;

/** Lower case only: one object has one spelling. */
export function parseAddress(text: string): Address | undefined {
  return ADDRESS.test(text) ? (text as Address) : undefined;
}

/** The root of a manifest as it is written in routes, with or without `b3:`. */
export function parseDigest(text: string): Digest | undefined {
  const bare = text.startsWith("b3:") ? text.slice(3) : text;
  return DIGEST.test(bare) ? (bare as Digest) : undefined;
}

export function addressOf(digest: Digest): Address {
  return `b3:${digest}` as Address;
}

export function digestOf(address: Address): Digest {
  return address.slice(3) as Digest;
}

/** `bytes` are the 32 of a BLAKE3-256. */
export function digestFromBytes(bytes: Uint8Array): Digest {
  // Not through a view of the memory: a digest of its own has none before it is asked for.
  return (bytes.length === 32 ? bytes : bytes.subarray(0, 32)).toHex() as Digest;
}

export function bytesFromDigest(digest: Digest): Uint8Array {
  return Buffer.from(digest, "hex");
}
