/**
 * A private object that is read. Opening it reads its last chunk, which has its size: a wrong key, the manifest of
 * something else and ciphertext that was cut are known before anything else is fetched.
 *
 * Ciphertext is read in whole chunks. Each is compared with its digest in the manifest, which the root proves, and then
 * opened: the link names these very bytes, also towards somebody who has the key. Nothing of a chunk is given out
 * before all of it was found right.
 */
import { blocksOf } from "#client/blocks.ts";
import { ChunkCipher } from "#client/chunk-cipher.ts";
import { ChunkList } from "#client/chunk-list.ts";
import type { PrivateLink } from "#client/link.ts";
import { bytesDiffer, notPrivate, outOfRange, wrongKey } from "#client/private-errors.ts";
import { CHUNK_BYTES, CHUNK_ROOM, type PrivateFacts, readFacts } from "#client/private-format.ts";
import type { Primitives } from "#client/sealing.ts";

/** A node, as far as it is asked for ciphertext. What it throws comes through. */
export interface Ciphertext {
  /** As a `NodeReader`. */
  node(digest: string): AsyncIterable<Uint8Array>;
  /** The bytes `first` … `last`, inclusive, of what the manifest `root` describes: `GET /m/<root>/data`. */
  data(root: string, first: number, last: number): AsyncIterable<Uint8Array>;
}

/** Bytes `first` … `last` of a content, inclusive; to the end without `last`, and where `last` is past it. */
export interface ContentRange {
  readonly first: number;
  readonly last?: number;
}

/** Bytes of a content that are there. */
export interface Extent {
  readonly first: number;
  readonly length: number;
}

/** A private object that was found and opened. */
export interface PrivateObject {
  readonly facts: PrivateFacts;
  /** Of ciphertext. */
  readonly chunkCount: number;
  /** The content, in pieces. Throws `client.bytes-differ`. */
  read(extent: Extent): AsyncGenerator<Uint8Array>;
}

/** Throws `client.bytes-differ`, `client.not-private` and `client.wrong-key`. */
export async function openPrivate(
  { root, key }: PrivateLink,
  ciphertext: Ciphertext,
  { subtle, blake3 }: Primitives,
): Promise<PrivateObject> {
  const cipher = await ChunkCipher.from(key, subtle);
  const list = await ChunkList.open(root, (digest) => ciphertext.node(digest), blake3);
  const chunkCount = list.count;

  async function* open(first: number, last: number): AsyncGenerator<readonly Uint8Array[]> {
    const digests = list.digestsFrom(first);
    const source = ciphertext.data(root, first * CHUNK_BYTES, (last + 1) * CHUNK_BYTES - 1);
    let chunk = first;
    for await (const block of blocksOf(source, CHUNK_BYTES)) {
      const { value: digest } = await digests.next();
      if (chunk > last || blake3(block) !== digest) throw bytesDiffer(`chunk ${chunk}`);
      const segments = await cipher.open(block, chunk, chunk === chunkCount - 1);
      if (segments === undefined) throw wrongKey(root);
      yield segments;
      chunk += 1;
    }
    if (chunk <= last) throw bytesDiffer(`what ends before chunk ${chunk}`);
  }

  const lastChunk: Uint8Array[] = [];
  for await (const segments of open(chunkCount - 1, chunkCount - 1)) lastChunk.push(...segments);
  const facts = readFacts(lastChunk.at(-1) ?? new Uint8Array(), chunkCount);
  if (facts === undefined) throw notPrivate(root);

  async function* read({ first, length }: Extent): AsyncGenerator<Uint8Array> {
    if (length === 0) return;
    const end = first + length;
    const firstChunk = Math.floor(first / CHUNK_ROOM);
    const endChunk = Math.ceil(end / CHUNK_ROOM);
    const fetched = Math.min(endChunk, chunkCount - 1);
    let at = firstChunk * CHUNK_ROOM;
    if (firstChunk < fetched) {
      for await (const segments of open(firstChunk, fetched - 1)) {
        yield* within(segments, at, first, end);
        at += CHUNK_ROOM;
      }
    }
    if (endChunk === chunkCount) yield* within(lastChunk, at, first, end);
  }
  return { facts, chunkCount, read };
}

/** Throws `client.range-unsatisfiable` when it begins behind the content. */
export function extentOf(range: ContentRange | undefined, size: number): Extent {
  if (range === undefined) return { first: 0, length: size };
  const { first, last = size - 1 } = range;
  const length = Math.min(last, size - 1) - first + 1;
  if (first < 0 || length <= 0) throw outOfRange(size);
  return { first, length };
}

/** The part of `segments`, which begin at `at`, that is from `first` to before `end`. */
function* within(segments: readonly Uint8Array[], at: number, first: number, end: number): Generator<Uint8Array> {
  let from = at;
  for (const segment of segments) {
    const part = segment.subarray(Math.max(first - from, 0), Math.max(end - from, 0));
    if (part.length > 0) yield part;
    from += segment.length;
  }
}
