/**
 * The making of a private object: content of any length goes in, chunks of ciphertext come out, and the link is made
 * when the node's manifest was found to name just those chunks.
 *
 * It holds two chunks in memory, however long the content is, and need not know its length.
 */
import type { Blake3 } from "#client/blake3.ts";
import { blocksOf } from "#client/blocks.ts";
import { ChunkCipher, newKey, type Subtle } from "#client/chunk-cipher.ts";
import { ChunkList, type NodeReader } from "#client/chunk-list.ts";
import { formatLink } from "#client/link.ts";
import { badName, bytesDiffer } from "#client/private-errors.ts";
import { type About, CHUNK_ROOM, encodeFacts, isMediaType, isName } from "#client/private-format.ts";

/** What private objects are computed with. */
export interface Primitives {
  readonly subtle: Subtle;
  readonly blake3: Blake3;
}

/** One content on its way to a node. It has a key of its own, so there is no way to give it a second content. */
export class Sealing {
  /** The ciphertext. Read it once, to its end. */
  readonly chunks: AsyncGenerator<Uint8Array<ArrayBuffer>>;
  readonly #key: Uint8Array<ArrayBuffer>;
  readonly #cipher: ChunkCipher;
  readonly #blake3: Blake3;
  #size = 0;
  #chunkCount = 0;
  #digestOfDigests = "";

  private constructor(
    content: AsyncIterable<Uint8Array>,
    about: About,
    key: Uint8Array<ArrayBuffer>,
    cipher: ChunkCipher,
    blake3: Blake3,
  ) {
    this.chunks = this.#seal(content, about);
    this.#key = key;
    this.#cipher = cipher;
    this.#blake3 = blake3;
  }

  /** With a fresh key. Throws `client.bad-name`. */
  static async begin(
    content: AsyncIterable<Uint8Array>,
    about: About,
    { subtle, blake3 }: Primitives,
  ): Promise<Sealing> {
    if (about.name !== undefined && !isName(about.name)) throw badName("the name");
    if (about.mediaType !== undefined && !isMediaType(about.mediaType)) throw badName("the media type");
    const key = await newKey(subtle);
    return new Sealing(content, about, key, await ChunkCipher.from(key, subtle), blake3);
  }

  /** Bytes of content that were sealed. */
  get size(): number {
    return this.#size;
  }

  /**
   * For a node that has answered with `root`. Throws `client.bytes-differ` when its manifest names other chunks than
   * were sealed: what the link is for would not be there.
   */
  async link(root: string, node: NodeReader): Promise<string> {
    const list = await ChunkList.open(root, node, this.#blake3);
    let digestOfDigests = "";
    for await (const digest of list.digestsFrom(0)) digestOfDigests = this.#join(digestOfDigests, digest);
    if (digestOfDigests !== this.#digestOfDigests) throw bytesDiffer("what the node stored");
    return formatLink({ root, key: this.#key });
  }

  async *#seal(content: AsyncIterable<Uint8Array>, about: About): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const room = new Uint8Array(CHUNK_ROOM);
    let filled = 0;
    for await (const block of blocksOf(content, CHUNK_ROOM)) {
      this.#size += block.length;
      filled = block.length % CHUNK_ROOM;
      // A full one cannot be the last: there is no room for the facts.
      if (filled === 0) yield await this.#sealChunk(block, false);
      else room.set(block);
    }
    const facts = encodeFacts({ size: this.#size, ...about });
    if (filled + facts.length > CHUNK_ROOM) {
      yield await this.#sealChunk(room, false);
      room.fill(0);
    }
    room.set(facts, CHUNK_ROOM - facts.length);
    yield await this.#sealChunk(room, true);
  }

  async #sealChunk(room: Uint8Array<ArrayBuffer>, isLast: boolean): Promise<Uint8Array<ArrayBuffer>> {
    const sealed = await this.#cipher.seal(room, this.#chunkCount, isLast);
    this.#chunkCount += 1;
    this.#digestOfDigests = this.#join(this.#digestOfDigests, this.#blake3(sealed));
    return sealed;
  }

  /** A list of digests of any length as one. */
  #join(digestOfDigests: string, digest: string): string {
    return this.#blake3(new TextEncoder().encode(digestOfDigests + digest));
  }
}
