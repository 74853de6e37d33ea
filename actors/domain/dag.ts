/**
 * DAG-CBOR and CIDs: the one module that knows their libraries.
 *
 * A link is a CIDv1 with a BLAKE3-256 multihash: `raw` for chunks, `dag-cbor` for manifest nodes. Anything else is not
 * a link here, and decoding says so.
 */
import * as dagCbor from "@ipld/dag-cbor";
import { CID } from "multiformats/cid";
import { create as createMultihash } from "multiformats/hashes/digest";
import { bytesFromDigest, type Digest, digestFromBytes } from "#actors/domain/address.ts";

/** Multicodec codes. */
const RAW = 0x55;
const DAG_CBOR = 0x71;
const BLAKE3 = 0x1e;
const DIGEST_BYTES = 32;
/** Version, codec, hash function and digest length are a byte each. */
export const CID_BYTES = 36;

export type LinkKind = "chunk" | "node";

const LINK_KINDS: readonly LinkKind[] = ["chunk", "node"];

export interface Link {
  readonly kind: LinkKind;
  readonly digest: Digest;
}

/** A value that the encoder writes as a link (tag 42). */
export function linkTo({ kind, digest }: Link): unknown {
  return CID.createV1(kind === "chunk" ? RAW : DAG_CBOR, createMultihash(BLAKE3, bytesFromDigest(digest)));
}

/** What a decoded value links to; undefined if it is no link, or none of ours. */
export function linkFrom(value: unknown): Link | undefined {
  // Decoding makes instances of this very class: a look-alike map is not a link.
  if (!(value instanceof CID) || value.version !== 1 || value.multihash.code !== BLAKE3) return undefined;
  if (value.multihash.digest.length !== DIGEST_BYTES) return undefined;
  const digest = digestFromBytes(value.multihash.digest);
  if (value.code === RAW) return { kind: "chunk", digest };
  return value.code === DAG_CBOR ? { kind: "node", digest } : undefined;
}

/** A link as it stands in a CAR: the bytes of its CID. */
export function cidOf({ kind, digest }: Link): Uint8Array {
  return Buffer.concat([cidPrefix(kind), bytesFromDigest(digest)]);
}

/** Reads what `cidOf` writes, from exactly `CID_BYTES` bytes; undefined for every other kind of CID. */
export function linkFromCid(bytes: Uint8Array): Link | undefined {
  const prefix = bytes.subarray(0, CID_BYTES - DIGEST_BYTES);
  const kind = LINK_KINDS.find((candidate) => Buffer.compare(cidPrefix(candidate), prefix) === 0);
  return kind === undefined ? undefined : { kind, digest: digestFromBytes(bytes.subarray(prefix.length)) };
}

/** The canonical encoding: map keys sorted by length, then bytes; shortest integers. */
export function encodeDag(value: unknown): Uint8Array {
  return dagCbor.encode(value);
}

/**
 * The value of `bytes`, only if `bytes` is its canonical encoding. The library accepts other spellings (key order,
 * floats), so the value is encoded again and compared.
 */
export function decodeDag(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    const value: unknown = dagCbor.decode(bytes);
    return Buffer.compare(dagCbor.encode(value), bytes) === 0 ? { value } : undefined;
  } catch {
    // The library throws on everything that is not DAG-CBOR: for a parser that is an answer.
    return undefined;
  }
}

/** The bytes of a CID before its digest. */
export function cidPrefix(kind: LinkKind): Uint8Array {
  return Uint8Array.of(1, kind === "chunk" ? RAW : DAG_CBOR, BLAKE3, DIGEST_BYTES);
}
