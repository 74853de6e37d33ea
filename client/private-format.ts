/**
 * The lengths of a private object, and the facts at its end: `specs/formats/private.md`.
 *
 * What is encrypted is the content, zeros, and at the very end name, media type and size. Ciphertext is always a whole
 * number of chunks, so its length tells that number and nothing more.
 */
import { KiB, MiB } from "#runtime/units.ts";

/** The name of the format, in `Cepa-Enc` and in the manifest. */
export const PRIVATE_FORMAT = "cepa-private/1";
/** Bytes of ciphertext in one chunk: the unit in which it is stored and compared with its digest. */
export const CHUNK_BYTES: number = 1 * MiB;
/** Bytes of ciphertext that are encrypted at once, their tag among them. */
export const SEGMENT_BYTES: number = 64 * KiB;
/** Bytes of name, and of media type, in UTF-8. */
export const NAME_BYTES_MAX = 255;

/** Segments of one chunk. */
export const SEGMENT_COUNT: number = CHUNK_BYTES / SEGMENT_BYTES;
/** What a segment holds: the rest is the tag of AES-GCM. */
export const SEGMENT_ROOM: number = SEGMENT_BYTES - 16;
/** What a chunk holds. */
export const CHUNK_ROOM: number = SEGMENT_COUNT * SEGMENT_ROOM;

/** Behind name and media type: the size in 8 bytes, and the lengths of the two in one each. */
const FOOTER_LENGTH = 10;

/** What is said of the content beside its size, for whoever has the link. */
export interface About {
  /** As a file is called: not a path, and without control characters. */
  readonly name?: string | undefined;
  /** As in `Content-Type`. */
  readonly mediaType?: string | undefined;
}

/** What stands at the end of a private object. */
export interface PrivateFacts extends About {
  /** Bytes of content. */
  readonly size: number;
}

/** A name that is shown on a terminal or becomes that of a file can do no harm there. */
export function isName(text: string): boolean {
  const isShort = text !== "" && new TextEncoder().encode(text).length <= NAME_BYTES_MAX;
  return isShort && text.isWellFormed() && !/[\p{Cc}/]/u.test(text) && text !== "." && text !== "..";
}

/** Printable ASCII. */
export function isMediaType(text: string): boolean {
  return /^[ -~]+$/.test(text) && text.length <= NAME_BYTES_MAX;
}

/** Bytes that a private object of `size` bytes has. */
export function sealedLength(size: number, about: About): number {
  return Math.ceil((size + encodeFacts({ size, ...about }).length) / CHUNK_ROOM) * CHUNK_BYTES;
}

/** The last bytes of a private object. Name and media type are ones. */
export function encodeFacts({ size, name = "", mediaType = "" }: PrivateFacts): Uint8Array {
  const encoder = new TextEncoder();
  const [nameBytes, typeBytes] = [encoder.encode(name), encoder.encode(mediaType)];
  const facts = new Uint8Array(nameBytes.length + typeBytes.length + FOOTER_LENGTH);
  facts.set(nameBytes);
  facts.set(typeBytes, nameBytes.length);
  const footer = new DataView(facts.buffer, facts.length - FOOTER_LENGTH);
  footer.setBigUint64(0, BigInt(size));
  footer.setUint8(8, nameBytes.length);
  footer.setUint8(9, typeBytes.length);
  return facts;
}

/** Reads the facts at the end of `segment`, the last of `chunkCount` chunks; undefined where there are none. */
export function readFacts(segment: Uint8Array, chunkCount: number): PrivateFacts | undefined {
  const footer = new DataView(segment.buffer, segment.byteOffset + segment.length - FOOTER_LENGTH, FOOTER_LENGTH);
  const [size, nameLength, typeLength] = [footer.getBigUint64(0), footer.getUint8(8), footer.getUint8(9)];
  const typeAt = segment.length - FOOTER_LENGTH - typeLength;
  const name = readText(segment.subarray(typeAt - nameLength, typeAt));
  const mediaType = readText(segment.subarray(typeAt, typeAt + typeLength));
  if (size > chunkCount * CHUNK_ROOM - nameLength - typeLength - FOOTER_LENGTH) return undefined;
  if (name === undefined || mediaType === undefined) return undefined;
  if ((name !== "" && !isName(name)) || (mediaType !== "" && !isMediaType(mediaType))) return undefined;
  return {
    size: Number(size),
    ...(name === "" ? {} : { name }),
    ...(mediaType === "" ? {} : { mediaType }),
  };
}

function readText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
