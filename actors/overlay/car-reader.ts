/**
 * A CAR as it arrives, from anybody: nothing in it is believed before it is compared.
 *
 * `open` reads header and root; then it is a source of the object's bytes, taken out of the chunk blocks as they come.
 * Each block must be the next one depth first, as `CarWalk` sends them: so a node is known before what is below it, one
 * node a level is held and no chunk, and what is missing, left out or too much shows where it happens.
 *
 * A chunk's bytes are handed on before its digest is known. Whoever reads them keeps nothing until the source has ended
 * well, which it does only after the last digest and at the very end of the CAR.
 */
import { bytesFromDigest, type Digest } from "#actors/domain/address.ts";
import { CAR_HEADER_BYTES_MAX, decodeCarHeader, VARINT_BYTES_MAX } from "#actors/domain/car.ts";
import { CHUNK_BYTES_MAX } from "#actors/domain/chunk-profiles.ts";
import { CID_BYTES, type Link, linkFromCid } from "#actors/domain/dag.ts";
import {
  DEPTH_MAX,
  decodeManifest,
  decodeNode,
  MANIFEST_BYTES_MAX,
  type Manifest,
  type ManifestNode,
} from "#actors/domain/manifest.ts";
import type { CarProblem, CarRefused } from "#actors/overlay/protocol.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { assert, type Failure } from "#runtime/errors.ts";
import type { Hasher } from "#runtime/pool/cpu.ts";

/** A node under way: `next` is the link whose block comes next. */
interface Step {
  readonly node: ManifestNode;
  next: number;
}

interface ChunkUnderWay {
  readonly digest: Digest;
  readonly hasher: Hasher;
  remainingBytes: number;
}

export class CarReader implements ByteSource {
  readonly #source: ByteSource;
  readonly #createHasher: () => Hasher;
  readonly #path: Step[] = [];
  #chunk: ChunkUnderWay | undefined;
  /** Bytes read of the CAR. */
  #at = 0;
  /** Where the section, or the header, begins that is read now. */
  #sectionAt = 0;
  #refusal: CarRefused | undefined;
  #cancelled: Failure | undefined;
  #hasEnded = false;

  constructor(source: ByteSource, createHasher: () => Hasher) {
    this.#source = source;
    this.#createHasher = createHasher;
  }

  /** What is wrong with the CAR; undefined while nothing is, also when its bytes stopped coming. */
  get refusal(): CarRefused | undefined {
    return this.#refusal;
  }

  get failure(): Failure | undefined {
    return this.#refusal ?? this.#cancelled ?? this.#source.failure;
  }

  /** The manifest that the root is. Undefined when the CAR is refused, or its source failed: see `failure`. */
  async open(): Promise<Manifest | undefined> {
    const lengthBytes = await this.#readLength(CAR_HEADER_BYTES_MAX);
    const header = lengthBytes === undefined ? undefined : await this.#readExactly(lengthBytes);
    if (header === undefined) return undefined;
    const decoded = decodeCarHeader(header);
    if (typeof decoded === "string") return this.refuse(decoded);

    const bytes = await this.#readNode({ kind: "node", digest: decoded.root });
    if (bytes === undefined) return undefined;
    const manifest = decodeManifest(bytes);
    if (!manifest.ok) return this.refuse("bad-manifest");
    this.#path.push({ node: manifest.value, next: 0 });
    return manifest.value;
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.failure !== undefined) return FAILED;
    if (this.#hasEnded) return ENDED;
    this.#chunk ??= await this.#nextChunk();
    if (this.#chunk === undefined) return await this.#end();

    const chunk = this.#chunk;
    const count = await this.#source.read(into.subarray(0, Math.min(into.length, chunk.remainingBytes)));
    if (count === ENDED) this.#refuseAt("truncated", this.#at);
    if (count <= 0) return FAILED;
    this.#at += count;
    chunk.hasher.update(into.subarray(0, count));
    chunk.remainingBytes -= count;
    if (chunk.remainingBytes > 0) return count;
    this.#chunk = undefined;
    if (Buffer.compare(chunk.hasher.digest(), bytesFromDigest(chunk.digest)) === 0) return count;
    this.refuse("digest-mismatch");
    return FAILED;
  }

  cancel(reason: Failure): void {
    if (this.#hasEnded || this.failure !== undefined) return;
    this.#cancelled = reason;
    this.#source.cancel(reason);
  }

  /** The section that was read last is not what it must be. */
  refuse(problem: CarProblem): undefined {
    this.#refuseAt(problem, this.#sectionAt);
  }

  /** Reads nodes until a chunk comes. Undefined at the end of the manifest, and when something failed. */
  async #nextChunk(): Promise<ChunkUnderWay | undefined> {
    for (let step = this.#path.at(-1); step !== undefined; step = this.#path.at(-1)) {
      const link = step.node.links[step.next];
      if (link === undefined) {
        this.#path.pop();
        continue;
      }
      step.next += 1;
      const { digest, length } = link;
      if (step.node.linkKind === "chunk") {
        const blockBytes = await this.#readSectionHead({ kind: "chunk", digest }, CHUNK_BYTES_MAX);
        if (blockBytes === undefined) return undefined;
        if (blockBytes !== length) return this.refuse("wrong-length");
        return { digest, hasher: this.#createHasher(), remainingBytes: length };
      }
      const bytes = await this.#readNode({ kind: "node", digest });
      if (bytes === undefined) return undefined;
      const node = decodeNode(bytes);
      if (!node.ok || node.value.size !== length || this.#path.length >= DEPTH_MAX) return this.refuse("bad-manifest");
      this.#path.push({ node: node.value, next: 0 });
    }
    return undefined;
  }

  /** The end of the manifest is the end of the CAR, or it is refused. */
  async #end(): Promise<number> {
    if (this.failure !== undefined) return FAILED;
    const count = await this.#source.read(new Uint8Array(1));
    if (count > 0) this.#refuseAt("trailing-bytes", this.#at);
    if (count !== ENDED) return FAILED;
    this.#hasEnded = true;
    return ENDED;
  }

  async #readNode(link: Link): Promise<Uint8Array | undefined> {
    const blockBytes = await this.#readSectionHead(link, MANIFEST_BYTES_MAX);
    const bytes = blockBytes === undefined ? undefined : await this.#readExactly(blockBytes);
    if (bytes === undefined) return undefined;
    const hasher = this.#createHasher();
    hasher.update(bytes);
    if (Buffer.compare(hasher.digest(), bytesFromDigest(link.digest)) === 0) return bytes;
    return this.refuse("digest-mismatch");
  }

  /** Length and CID of the next section, which must be that of `link`; answers with the length of its block. */
  async #readSectionHead(link: Link, blockBytesMax: number): Promise<number | undefined> {
    const lengthBytes = await this.#readLength(CID_BYTES + blockBytesMax);
    if (lengthBytes === undefined) return undefined;
    if (lengthBytes < CID_BYTES) return this.refuse("bad-cid");
    const cid = await this.#readExactly(CID_BYTES);
    if (cid === undefined) return undefined;
    const found = linkFromCid(cid);
    if (found === undefined) return this.refuse("bad-cid");
    if (found.digest !== link.digest || found.kind !== link.kind) return this.refuse("out-of-order");
    return lengthBytes - CID_BYTES;
  }

  /** A varint of 1 … `bytesMax`, in its shortest form. */
  async #readLength(bytesMax: number): Promise<number | undefined> {
    this.#sectionAt = this.#at;
    let value = 0;
    for (let index = 0; index < VARINT_BYTES_MAX; index += 1) {
      const byte = (await this.#readExactly(1))?.[0];
      if (byte === undefined) return undefined;
      value |= (byte & 0x7f) << (7 * index);
      if (byte >= 0x80) continue;
      const isShortest = index === 0 || byte > 0;
      return isShortest && value > 0 && value <= bytesMax ? value : this.refuse("bad-length");
    }
    return this.refuse("bad-length");
  }

  async #readExactly(count: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      const got = await this.#source.read(bytes.subarray(filled));
      if (got === ENDED) return this.#refuseAt("truncated", this.#at);
      if (got === FAILED) return undefined;
      filled += got;
      this.#at += got;
    }
    return bytes;
  }

  #refuseAt(problem: CarProblem, atByte: number): undefined {
    assert(this.#refusal === undefined, "nothing is read of a CAR that was refused");
    this.#refusal = { code: "overlay.car-refused", problem, atByte };
    this.#source.cancel(this.#refusal);
  }
}
