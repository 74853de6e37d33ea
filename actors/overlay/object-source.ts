/**
 * The bytes of an object, or of a part of it, composed of what storage reads from its chunks.
 *
 * Invariants:
 * - bytes go from storage straight into the reader's buffer; between reads it holds none, except that a reader whose
 *   buffer is smaller than the held-back segment makes it keep that one segment;
 * - it ends well only after exactly `lengthBytes`; anything else is a failure, never a short end;
 * - with `expected`, the digest of everything handed out is compared before the last segment (at most
 *   `HELD_BACK_BYTES_MAX`) leaves: on a mismatch the reader gets `storage.corrupt` instead of it.
 *
 * It lives on after the reply that carried it, so it has a `Within` of its own, which ends with the source.
 */
import type { Digest } from "#actors/domain/address.ts";
import { type AskSeams, ask, unavailable } from "#actors/overlay/ask.ts";
import { corrupt, type ReadFailure } from "#actors/overlay/manifest-reader.ts";
import type { SliceWalk } from "#actors/overlay/slice-walk.ts";
import type { StorageProtocol } from "#actors/storage/protocol.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { isCallFailure } from "#runtime/call-failure.ts";
import { OpenWork } from "#runtime/cancellation.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Hasher } from "#runtime/pool/cpu.ts";
import type { Ref, Trace, Within } from "#runtime/ref.ts";
import { KiB } from "#runtime/units.ts";

/** Slices asked from storage at a time: 512 MiB of average chunks, so that questions are rare beside bytes. */
export const SLICES_PER_READ_MAX = 256;
/** What is not handed out before the digest of the whole was compared: one segment. */
export const HELD_BACK_BYTES_MAX: number = 64 * KiB;

export interface Expected {
  readonly digest: Uint8Array;
  readonly hasher: Hasher;
  /** Bytes of the last segment of the last chunk, so that storage need not split one; 0 for an empty object. */
  readonly lastSegmentBytes: number;
}

export interface ObjectSourceOptions {
  readonly storage: Ref<StorageProtocol>;
  readonly seams: AskSeams;
  /** The slices in order, `lengthBytes` together. */
  readonly walk: Pick<SliceWalk, "next">;
  readonly lengthBytes: number;
  /** Named by failures for which no chunk is to blame. */
  readonly manifest: Digest;
  /** Set when the bytes are a whole object whose digest nothing else proves. */
  readonly expected?: Expected | undefined;
  readonly trace: Trace | undefined;
  /** Called once, when nothing is held any more. */
  readonly onSettled: () => void;
}

export class ObjectSource implements ByteSource {
  readonly #options: ObjectSourceOptions;
  readonly #work: OpenWork;
  readonly #heldBackBytes: number;
  #chunks: ByteSource | undefined;
  /** Bytes that `#chunks` still owes. */
  #chunksBytes = 0;
  #remainingBytes: number;
  #heldBack: Uint8Array | undefined;
  #failure: Failure | undefined;
  #hasEnded = false;
  #isReading = false;

  constructor(options: ObjectSourceOptions) {
    this.#options = options;
    this.#remainingBytes = options.lengthBytes;
    this.#heldBackBytes = options.expected?.lastSegmentBytes ?? 0;
    assert(this.#heldBackBytes <= HELD_BACK_BYTES_MAX, "one segment is held back");
    this.#work = new OpenWork(options.trace);
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Asks storage for the first chunks, so that what is missing is known before an answer is given: for who waits for that. */
  async open(within: Within): Promise<Result<void, ReadFailure>> {
    const opened = this.#remainingBytes > 0 ? await this.#openChunks(within) : this.#compare();
    if (!opened.ok) this.#fail(opened.failure);
    else if (this.#remainingBytes === 0) this.#end();
    return opened;
  }

  async read(into: Uint8Array): Promise<number> {
    assert(!this.#isReading, "a source has one consumer, which reads once at a time");
    assert(into.length > 0, "there is room for a byte");
    if (this.#failure !== undefined) return FAILED;
    if (this.#hasEnded) return ENDED;
    this.#isReading = true;
    const count = await this.#deliver(into);
    this.#isReading = false;
    if (this.#failure !== undefined) return FAILED;
    this.#remainingBytes -= count;
    if (this.#remainingBytes === 0) this.#end();
    return count;
  }

  cancel(reason: Failure): void {
    if (!this.#hasEnded) this.#fail(reason);
  }

  /** Bytes written to the front of `into`; `FAILED` with `failure` set. */
  async #deliver(into: Uint8Array): Promise<number> {
    const { expected } = this.#options;
    const freeBytes = this.#remainingBytes - this.#heldBackBytes;
    if (freeBytes <= 0) return this.#deliverHeldBack(into);
    const count = await this.#pull(into.length <= freeBytes ? into : into.subarray(0, freeBytes));
    if (count > 0) expected?.hasher.update(into.subarray(0, count));
    return count;
  }

  async #deliverHeldBack(into: Uint8Array): Promise<number> {
    if (this.#heldBack === undefined) {
      const fits = into.length >= this.#heldBackBytes;
      const segment = fits ? into.subarray(0, this.#heldBackBytes) : new Uint8Array(this.#heldBackBytes);
      if (!(await this.#fillVerified(segment))) {
        // What did not match must not be found in the reader's buffer either.
        segment.fill(0);
        return FAILED;
      }
      if (fits) return segment.length;
      this.#heldBack = segment;
    }
    const from = this.#heldBack.length - this.#remainingBytes;
    const part = this.#heldBack.subarray(from, from + into.length);
    into.set(part);
    return part.length;
  }

  async #fillVerified(segment: Uint8Array): Promise<boolean> {
    for (let filled = 0; filled < segment.length; ) {
      const count = await this.#pull(segment.subarray(filled));
      if (count <= 0) return false;
      filled += count;
    }
    this.#options.expected?.hasher.update(segment);
    const compared = this.#compare();
    if (!compared.ok) this.#fail(compared.failure);
    return compared.ok;
  }

  #compare(): Result<void, ReadFailure> {
    const { expected, manifest } = this.#options;
    if (expected === undefined || Buffer.compare(expected.hasher.digest(), expected.digest) === 0) return ok();
    return corrupt(manifest);
  }

  /** At least one byte of the chunks into the front of `into`, or `FAILED` with `failure` set. */
  async #pull(into: Uint8Array): Promise<number> {
    if (this.#chunks === undefined) {
      const opened = await this.#openChunks(this.#work);
      if (!opened.ok) return this.#fail(opened.failure);
    }
    const chunks = this.#chunks;
    if (chunks === undefined || this.#failure !== undefined) return FAILED;
    const count = await chunks.read(into.length <= this.#chunksBytes ? into : into.subarray(0, this.#chunksBytes));
    if (count <= 0) return this.#broken(chunks);

    this.#chunksBytes -= count;
    if (this.#chunksBytes > 0) return count;
    // It owes nothing more but its end; taking that now lets storage forget it before the reader comes back.
    if ((await chunks.read(new Uint8Array(1))) !== ENDED) return this.#broken(chunks);
    this.#chunks = undefined;
    return count;
  }

  async #openChunks(within: Within): Promise<Result<void, ReadFailure>> {
    const { storage, seams, walk, manifest } = this.#options;
    const slices = await walk.next(SLICES_PER_READ_MAX, within);
    if (!slices.ok) return slices;
    if (slices.value.length === 0) return corrupt(manifest);

    const timeoutMs = seams.config.current.callTimeoutMs;
    const answer = await ask(seams, within, () =>
      storage.call("readChunks", { slices: slices.value }, { timeoutMs, within, whenFull: "wait" }),
    );
    if (!answer.ok) {
      const { failure } = answer;
      return fail(
        failure.code === "storage.chunk-not-found" ? { code: "storage.corrupt", digest: failure.chunk } : failure,
      );
    }
    this.#chunks = answer.value.source;
    this.#chunksBytes = slices.value.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    // Cancelled while storage was asked: nobody else knows of its source.
    if (this.#failure !== undefined) this.#release(this.#failure);
    return ok();
  }

  /** Storage failed, or delivered another count of bytes than it was asked for. */
  #broken({ failure }: ByteSource): number {
    const damage: ReadFailure = { code: "storage.corrupt", digest: this.#options.manifest };
    // An incarnation that ended while it was read is told as if it had been called.
    return this.#fail(failure === undefined ? damage : isCallFailure(failure) ? unavailable(failure) : failure);
  }

  #fail(failure: Failure): number {
    if (this.#failure !== undefined) return FAILED;
    this.#failure = failure;
    this.#release(this.#failure);
    this.#work.callOff();
    this.#options.onSettled();
    return FAILED;
  }

  #end(): void {
    this.#hasEnded = true;
    this.#heldBack = undefined;
    this.#options.onSettled();
  }

  #release(reason: Failure): void {
    this.#chunks?.cancel(reason);
    this.#chunks = undefined;
    this.#heldBack = undefined;
  }
}
