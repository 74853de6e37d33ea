/**
 * The near end of a stream: reads a local source and writes what the other side has room for.
 *
 * Invariants:
 * - at most `windowBytes` are read and not yet granted back, so the buffer is never overwritten before it was consumed;
 * - the source is cancelled when the stream ends any other way than by the source's own end;
 * - what was read leaves before the news of the source's end or failure.
 *
 * The bytes are never copied: the source reads into a ring, and the socket writes from it.
 */
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import { encodeFailure } from "#runtime/link/body.ts";
import { FLAG, KIND } from "#runtime/link/frame.ts";
import type { FrameWriter } from "#runtime/link/frame-writer.ts";
import type { Flowing, Outbox } from "#runtime/link/outbox.ts";
import { KiB } from "#runtime/units.ts";

/** Enough for a small object, which then never pays for a whole window. */
const firstBufferBytes: number = 16 * KiB;

/** A source that failed with what no link carries still fails. */
const unknownFailure: Failure = { code: "runtime.stream-failed" };

export interface OutgoingStreamOptions {
  readonly id: number;
  readonly source: ByteSource;
  readonly windowBytes: number;
  readonly outbox: Outbox;
  /** A frame of this stream left or came. */
  readonly onProgress: () => void;
  /** Once: nothing more will be written, and nothing more is expected. */
  readonly onClosed: () => void;
}

export class OutgoingStream implements Flowing {
  readonly #options: OutgoingStreamOptions;
  #window: number;
  #readBytes = 0;
  #first: Uint8Array | undefined;
  #ring: Uint8Array | undefined;
  /** Read and not yet written, oldest first; neighbours are one piece. */
  readonly #pieces: Uint8Array[] = [];
  #outcome: "ended" | "failed" | undefined;
  #isInLine = false;
  #isReading = false;
  #isClosed = false;

  constructor(options: OutgoingStreamOptions) {
    this.#options = options;
    this.#window = options.windowBytes;
  }

  /** Begins to read. Call it when the frame that announces the stream is on its way. */
  start(): void {
    void this.#pump();
  }

  /** The other side consumed `bytes`. False when it could not have. */
  grant(bytes: number): boolean {
    if (this.#isClosed) return true;
    if (this.#window + bytes > this.#options.windowBytes) return false;
    this.#window += bytes;
    this.#options.onProgress();
    void this.#pump();
    return true;
  }

  /** The bytes are no longer wanted, or cannot be sent any more. Idempotent. */
  stop(reason: Failure): void {
    if (this.#isClosed) return;
    this.#close();
    if (this.#outcome === undefined) this.#options.source.cancel(reason);
  }

  write(writer: FrameWriter, bytesMax: number): boolean {
    if (this.#isClosed) return false;
    const { id } = this.#options;
    const piece = this.#pieces[0];
    if (piece !== undefined) {
      const length = Math.min(piece.byteLength, bytesMax);
      writer.begin(KIND.data, 0, id, 0, length);
      writer.append(piece.subarray(0, length));
      if (length === piece.byteLength) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(length);
      this.#options.onProgress();
    } else if (this.#outcome === "ended") {
      writer.begin(KIND.data, FLAG.end, id, 0, 0);
      this.#close();
    } else if (this.#outcome === "failed") {
      const body = encodeFailure(this.#options.source.failure ?? unknownFailure);
      writer.begin(KIND.data, FLAG.failed, id, 0, body?.byteLength ?? 0);
      if (body !== undefined) writer.append(body);
      this.#close();
    }
    this.#isInLine = !this.#isClosed && (this.#pieces.length > 0 || this.#outcome !== undefined);
    return this.#isInLine;
  }

  async #pump(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    while (!this.#isClosed && this.#window > 0 && this.#outcome === undefined) {
      const into = this.#room();
      const count = await this.#options.source.read(into);
      if (this.#isClosed) return;
      if (count === ENDED) this.#outcome = "ended";
      else if (count === FAILED) this.#outcome = "failed";
      else this.#take(into.subarray(0, count));
      this.#lineUp();
    }
    this.#isReading = false;
  }

  /** Free bytes in a row, as many as there are up to the window. */
  #room(): Uint8Array {
    const { windowBytes } = this.#options;
    if (this.#readBytes < firstBufferBytes && this.#ring === undefined) {
      this.#first ??= new Uint8Array(Math.min(firstBufferBytes, windowBytes));
      const room = this.#first.subarray(this.#readBytes, this.#readBytes + this.#window);
      if (room.byteLength > 0) return room;
    }
    // What lies in the first buffer counts against the window but not against the ring, so the ring has room.
    this.#ring ??= new Uint8Array(Buffer.allocUnsafeSlow(windowBytes).buffer);
    const at = this.#readBytes % windowBytes;
    return this.#ring.subarray(at, Math.min(windowBytes, at + this.#window));
  }

  #take(bytes: Uint8Array): void {
    this.#window -= bytes.byteLength;
    this.#readBytes += bytes.byteLength;
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.buffer === bytes.buffer && last.byteOffset + last.byteLength === bytes.byteOffset) {
      this.#pieces[this.#pieces.length - 1] = new Uint8Array(
        bytes.buffer,
        last.byteOffset,
        last.byteLength + bytes.byteLength,
      );
    } else {
      this.#pieces.push(bytes);
    }
  }

  #lineUp(): void {
    if (this.#isInLine) return;
    this.#isInLine = true;
    this.#options.outbox.flow(this);
  }

  #close(): void {
    this.#isClosed = true;
    this.#isInLine = false;
    this.#pieces.length = 0;
    this.#options.onClosed();
  }
}
