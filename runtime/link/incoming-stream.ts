/**
 * The far end of a stream: what arrived and was not yet consumed, as a byte source.
 *
 * Invariants:
 * - at most `windowBytes` are held, because room is granted only for what was consumed;
 * - every byte that arrived before the end or the failure of the source is delivered before it;
 * - when the link is lost or the consumer gives up, what is held is dropped at once.
 */
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { assert, type Failure } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";

/** Smaller pieces are copied together, so that a trickle does not hold a whole socket read for every few bytes. */
const smallBytes: number = 16 * KiB;
const smallBufferBytes: number = 64 * KiB;

export interface IncomingStreamOptions {
  readonly windowBytes: number;
  /** The consumer took this much since the last grant. */
  readonly onConsumed: (bytes: number) => void;
  /** The consumer wants no more. Not called once the stream has ended. */
  readonly onCancelled: (reason: Failure) => void;
}

interface Read {
  readonly into: Uint8Array;
  readonly resolve: (count: number) => void;
}

export class IncomingStream implements ByteSource {
  readonly #options: IncomingStreamOptions;
  #pieces: Uint8Array[] = [];
  /** Where small pieces are put together; the last piece may be a view of its filled part. */
  #small: Uint8Array | undefined;
  #smallFill = 0;
  #heldBytes = 0;
  /** Consumed and not yet granted back. */
  #consumedBytes = 0;
  #read: Read | undefined;
  /** Set by the other side; what is held comes first. */
  #outcome: "ended" | Failure | undefined;
  /** Set on this side, or by the loss of the link. */
  #cancelled: Failure | undefined;

  constructor(options: IncomingStreamOptions) {
    this.#options = options;
  }

  get failure(): Failure | undefined {
    if (this.#cancelled !== undefined) return this.#cancelled;
    if (this.#heldBytes > 0 || this.#outcome === "ended") return undefined;
    return this.#outcome;
  }

  read(into: Uint8Array): Promise<number> {
    assert(this.#read === undefined, "a source has one consumer, and one read at a time");
    assert(into.byteLength > 0, "a read has room for at least one byte");
    if (this.#cancelled !== undefined) return Promise.resolve(FAILED);
    if (this.#heldBytes > 0) return Promise.resolve(this.#fill(into));
    if (this.#outcome !== undefined) return Promise.resolve(this.#outcome === "ended" ? ENDED : FAILED);
    return new Promise((resolve) => {
      this.#read = { into, resolve };
    });
  }

  cancel(reason: Failure): void {
    if (this.#cancelled !== undefined || (this.#outcome === "ended" && this.#heldBytes === 0)) return;
    const isOver = this.#outcome !== undefined;
    this.#drop(reason);
    if (!isOver) this.#options.onCancelled(reason);
  }

  /** Bytes from the other side. False when they are more than it was granted. */
  push(bytes: Uint8Array): boolean {
    if (this.#cancelled !== undefined) return true;
    if (this.#heldBytes + this.#consumedBytes + bytes.byteLength > this.#options.windowBytes) return false;
    if (bytes.byteLength < smallBytes) this.#keepSmall(bytes);
    else this.#pieces.push(bytes);
    this.#heldBytes += bytes.byteLength;
    return true;
  }

  /** Serves a read that waits, once all that came together is here. */
  serve(): void {
    const read = this.#read;
    if (read === undefined || this.#heldBytes === 0) return;
    this.#read = undefined;
    read.resolve(this.#fill(read.into));
  }

  /** The source at the other side ended, or failed. */
  finish(outcome: "ended" | Failure): void {
    if (this.#cancelled !== undefined) return;
    this.#outcome = outcome;
    this.serve();
    const read = this.#read;
    this.#read = undefined;
    read?.resolve(outcome === "ended" ? ENDED : FAILED);
  }

  /** The link is gone. */
  lose(reason: Failure): void {
    if (this.#cancelled === undefined) this.#drop(reason);
  }

  #keepSmall(bytes: Uint8Array): void {
    if (this.#small === undefined || smallBufferBytes - this.#smallFill < bytes.byteLength) {
      this.#small = new Uint8Array(smallBufferBytes);
      this.#smallFill = 0;
    }
    const small = this.#small;
    const end = this.#smallFill + bytes.byteLength;
    small.set(bytes, this.#smallFill);
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.buffer === small.buffer) {
      this.#pieces[this.#pieces.length - 1] = small.subarray(last.byteOffset, end);
    } else {
      this.#pieces.push(small.subarray(this.#smallFill, end));
    }
    this.#smallFill = end;
  }

  #drop(reason: Failure): void {
    this.#cancelled = reason;
    this.#pieces = [];
    this.#small = undefined;
    this.#heldBytes = 0;
    const read = this.#read;
    this.#read = undefined;
    read?.resolve(FAILED);
  }

  #fill(into: Uint8Array): number {
    let filled = 0;
    while (filled < into.byteLength) {
      const piece = this.#pieces[0];
      if (piece === undefined) break;
      const length = Math.min(piece.byteLength, into.byteLength - filled);
      into.set(length === piece.byteLength ? piece : piece.subarray(0, length), filled);
      filled += length;
      if (length === piece.byteLength) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(length);
    }
    this.#heldBytes -= filled;
    this.#consume(filled);
    return filled;
  }

  /** Grants in quarters of the window, so that the source is read while the other quarters are on their way. */
  #consume(bytes: number): void {
    this.#consumedBytes += bytes;
    if (this.#outcome !== undefined || this.#consumedBytes * 4 < this.#options.windowBytes) return;
    const granted = this.#consumedBytes;
    this.#consumedBytes = 0;
    this.#options.onConsumed(granted);
  }
}
