/**
 * The framing of a CARv1 with one root: a header, then sections of length, CID and block. `specs/formats/car.md` says
 * which of them are written and read here.
 *
 * Pure: it knows how a CAR is spelled, not which blocks belong in one.
 */
import type { Digest } from "#actors/domain/address.ts";
import { CID_BYTES, cidOf, decodeDag, encodeDag, type Link, linkFrom, linkTo } from "#actors/domain/dag.ts";

/** Bytes of a header that is read, its length not counted. With one root it has 60; more roots are refused anyway. */
export const CAR_HEADER_BYTES_MAX = 1024;
/** Bytes of a length: seven bits each, so the longest section that can be announced is 2^28 - 1 bytes. */
export const VARINT_BYTES_MAX = 4;

/** Length and header: what a CAR begins with. */
export function encodeCarHeader(root: Digest): Uint8Array {
  const header = encodeDag({ roots: [linkTo({ kind: "node", digest: root })], version: 1 });
  return Buffer.concat([encodeVarint(header.length), header]);
}

/** The root of a header without its length; otherwise what is wrong with it. */
export function decodeCarHeader(bytes: Uint8Array): { readonly root: Digest } | "bad-header" | "bad-root" {
  const value = decodeDag(bytes)?.value;
  if (typeof value !== "object" || value === null || !("version" in value) || !("roots" in value)) return "bad-header";
  if (value.version !== 1 || !Array.isArray(value.roots)) return "bad-header";
  const link = value.roots.length === 1 ? linkFrom(value.roots[0]) : undefined;
  return link?.kind === "node" ? { root: link.digest } : "bad-root";
}

/** What stands before the `blockBytes` of a block. */
export function encodeSectionHead(link: Link, blockBytes: number): Uint8Array {
  return Buffer.concat([encodeVarint(CID_BYTES + blockBytes), cidOf(link)]);
}

/** Of a section with its head. */
export function sectionBytes(blockBytes: number): number {
  return encodeVarint(CID_BYTES + blockBytes).length + CID_BYTES + blockBytes;
}

/** LEB128, seven bits a byte, the lowest first. */
export function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}
