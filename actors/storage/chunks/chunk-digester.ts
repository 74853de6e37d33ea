/** The digests of one chunk, from bytes that arrive in any pieces: of the whole, and of each 64 KiB segment. */
import { bytesFromDigest } from "#actors/domain/address.ts";
import type { EncodedNode } from "#actors/domain/manifest-tree.ts";
import { DIGEST_BYTES, SEGMENT_BYTES } from "#actors/storage/packs/record.ts";
import type { Cpu, Hasher } from "#runtime/pool/cpu.ts";

export interface ChunkDigests {
  readonly lengthBytes: number;
  readonly digest: Uint8Array;
  /** One digest a segment; empty where the chunk is one segment, which `digest` covers. */
  readonly table: Uint8Array;
}

type Digests = Pick<Cpu, "digest" | "hasher">;

export class ChunkDigester {
  readonly #cpu: Digests;
  readonly #whole: Hasher;
  readonly #table: Uint8Array[] = [];
  /** The segment that has begun and not ended. */
  #segment: Hasher | undefined;
  #lengthBytes = 0;

  constructor(cpu: Digests) {
    this.#cpu = cpu;
    this.#whole = cpu.hasher();
  }

  update(bytes: Uint8Array): void {
    this.#whole.update(bytes);
    let at = 0;
    while (at < bytes.length) {
      const room = SEGMENT_BYTES - (this.#lengthBytes % SEGMENT_BYTES);
      const piece = bytes.subarray(at, at + room);
      this.#updateSegment(piece, piece.length === room);
      at += piece.length;
      this.#lengthBytes += piece.length;
    }
  }

  finish(): ChunkDigests {
    if (this.#segment !== undefined) this.#table.push(this.#segment.digest());
    const isOne = this.#lengthBytes <= SEGMENT_BYTES;
    return {
      lengthBytes: this.#lengthBytes,
      digest: this.#whole.digest(),
      table: isOne ? new Uint8Array(0) : joinDigests(this.#table),
    };
  }

  #updateSegment(piece: Uint8Array, ends: boolean): void {
    if (this.#segment === undefined && ends && piece.length === SEGMENT_BYTES) {
      this.#table.push(this.#cpu.digest(piece));
      return;
    }
    this.#segment ??= this.#cpu.hasher();
    this.#segment.update(piece);
    if (!ends) return;
    this.#table.push(this.#segment.digest());
    this.#segment = undefined;
  }
}

/** The digests of a chunk that is whole in memory. One segment is hashed once. */
export function digestChunk(parts: readonly Uint8Array[], cpu: Digests): ChunkDigests {
  const [first] = parts;
  if (first !== undefined && parts.length === 1 && first.length <= SEGMENT_BYTES) {
    return { lengthBytes: first.length, digest: cpu.digest(first), table: new Uint8Array(0) };
  }
  const digester = new ChunkDigester(cpu);
  for (const part of parts) digester.update(part);
  return digester.finish();
}

/** Those of a node, whose digest is its name: only more than one segment is hashed again. */
export function digestsOfNode({ bytes, digest }: EncodedNode, cpu: Digests): ChunkDigests {
  if (bytes.length > SEGMENT_BYTES) return digestChunk([bytes], cpu);
  return { lengthBytes: bytes.length, digest: bytesFromDigest(digest), table: new Uint8Array(0) };
}

function joinDigests(digests: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(digests.length * DIGEST_BYTES);
  for (const [index, digest] of digests.entries()) joined.set(digest, index * DIGEST_BYTES);
  return joined;
}
