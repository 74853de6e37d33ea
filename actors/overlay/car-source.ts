/**
 * A CAR as it is sent: header, then one section a block, composed while it is read.
 *
 * It holds one manifest node and the head of one section; chunks go from storage into the reader's buffer. A block whose
 * bytes are not what its CID says never leaves whole: nodes are compared before their first byte, chunks before their last
 * segment, and the reader gets `storage.corrupt` instead.
 *
 * Unlike `ObjectSource` it opens nothing before it is read, so the runtime, which ends what an incarnation has lent, need not
 * be helped.
 */
import { bytesFromDigest, type Digest } from "#actors/domain/address.ts";
import { encodeCarHeader, encodeSectionHead } from "#actors/domain/car.ts";
import type { CarWalk } from "#actors/overlay/car-walk.ts";
import { HELD_BACK_BYTES_MAX, ObjectSource, type ObjectSourceOptions } from "#actors/overlay/object-source.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { type Failure, ok } from "#runtime/errors.ts";
import type { Hasher } from "#runtime/pool/cpu.ts";
import type { Within } from "#runtime/ref.ts";

export interface CarSourceOptions extends Pick<ObjectSourceOptions, "storage" | "seams" | "trace"> {
  readonly root: Digest;
  readonly walk: CarWalk;
  readonly hasher: () => Hasher;
}

export class CarSource implements ByteSource {
  readonly #options: CarSourceOptions;
  readonly #controller = new AbortController();
  readonly #within: Within;
  /** What is to be sent before the chunk. */
  #pending: Uint8Array;
  #chunk: ObjectSource | undefined;
  #failure: Failure | undefined;
  #hasEnded = false;

  constructor(options: CarSourceOptions) {
    this.#options = options;
    this.#pending = encodeCarHeader(options.root);
    const { signal } = this.#controller;
    this.#within = { deadlineMs: Number.POSITIVE_INFINITY, signal, trace: options.trace };
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Fills `into` until it is full or a chunk has brought something, so that heads are not sent for themselves. */
  async read(into: Uint8Array): Promise<number> {
    let filled = 0;
    while (this.#failure === undefined && filled < into.length) {
      if (this.#pending.length > 0) {
        filled += this.#takePending(into.subarray(filled));
      } else if (this.#chunk !== undefined) {
        const count = await this.#chunk.read(into.subarray(filled));
        if (count > 0) return this.#failure === undefined ? filled + count : FAILED;
        const { failure } = this.#chunk;
        if (failure !== undefined) this.cancel(failure);
        this.#chunk = undefined;
      } else if (!(await this.#nextBlock())) break;
    }
    if (this.#failure !== undefined) return FAILED;
    if (filled === 0) this.#hasEnded = true;
    return filled > 0 ? filled : ENDED;
  }

  cancel(reason: Failure): void {
    if (this.#failure !== undefined || this.#hasEnded) return;
    this.#failure = reason;
    this.#controller.abort();
    this.#chunk?.cancel(reason);
  }

  #takePending(into: Uint8Array): number {
    const part = this.#pending.subarray(0, into.length);
    into.set(part);
    this.#pending = this.#pending.subarray(part.length);
    return part.length;
  }

  /** False after the last one, and when it failed. */
  async #nextBlock(): Promise<boolean> {
    const block = await this.#options.walk.next(this.#within);
    if (!block.ok) this.cancel(block.failure);
    if (!block.ok || block.value === undefined || this.#failure !== undefined) return false;
    if (block.value.kind === "node") {
      const { bytes } = block.value;
      this.#pending = Buffer.concat([encodeSectionHead(block.value, bytes.length), bytes]);
    } else {
      this.#pending = encodeSectionHead(block.value, block.value.lengthBytes);
      this.#chunk = this.#chunkSource(block.value.digest, block.value.lengthBytes);
    }
    return true;
  }

  #chunkSource(chunk: Digest, lengthBytes: number): ObjectSource {
    const { storage, seams, trace, root, hasher } = this.#options;
    return new ObjectSource({
      storage,
      seams,
      walk: { next: async () => ok([{ chunk, offset: 0, lengthBytes }]) },
      lengthBytes,
      manifest: root,
      expected: {
        digest: bytesFromDigest(chunk),
        hasher: hasher(),
        lastSegmentBytes: ((lengthBytes - 1) % HELD_BACK_BYTES_MAX) + 1,
      },
      trace,
      onSettled: () => undefined,
    });
  }
}
