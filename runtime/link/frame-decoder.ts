/**
 * Cuts the bytes of a socket into frames, wherever the pieces begin and end.
 *
 * A frame that lies in one piece is not copied. One that does not is put together in a buffer of its own, once its
 * length is known to be allowed. The bytes of streams are never put together: they are passed on as they come.
 * Nothing it is fed makes it throw; the first fault is final.
 */
import { FLAG, FRAME_HEADER_BYTES, FRAME_LENGTH_BYTES, Frame, KIND, KIND_MAX } from "#runtime/link/frame.ts";
import { LINK_FRAME_BYTES_MAX, LINK_STREAM_FRAME_BYTES_MAX } from "#runtime/link/limits.ts";

/** What an idle decoder holds, instead of the last piece it saw. */
const nothing = new Uint8Array(0);

export type FrameFault = "frame-too-large" | "frame-malformed";

export interface FrameSink {
  onFrame(frame: Frame): void;
  /** A piece of a stream, never empty. The bytes belong to the receiver. */
  onData(streamId: number, bytes: Uint8Array): void;
}

export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #frame = new Frame();
  /** The beginning of a header that was cut. */
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFill = 0;
  /** A frame that is being put together, header included. */
  #partial: Uint8Array | undefined;
  #partialFill = 0;
  /** The stream whose bytes are passing through, and how many are still to come. */
  #streamId = 0;
  #streamRest = 0;
  #isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** The sink wants nothing more: what was pushed is dropped. */
  stop(): void {
    this.#isStopped = true;
    this.#partial = undefined;
  }

  push(bytes: Uint8Array): FrameFault | undefined {
    let at = 0;
    while (at < bytes.byteLength && !this.#isStopped) {
      if (this.#streamRest > 0) {
        at = this.#passStream(bytes, at);
      } else if (this.#partial !== undefined) {
        at = this.#fillPartial(bytes, at, this.#partial);
      } else if (this.#headerFill > 0 || bytes.byteLength - at < FRAME_HEADER_BYTES) {
        const taken = Math.min(FRAME_HEADER_BYTES - this.#headerFill, bytes.byteLength - at);
        this.#header.set(bytes.subarray(at, at + taken), this.#headerFill);
        this.#headerFill += taken;
        at += taken;
        if (this.#headerFill < FRAME_HEADER_BYTES) return undefined;
        this.#headerFill = 0;
        const fault = this.#begin(this.#header, 0);
        if (fault !== undefined) return fault;
        if (this.#streamRest === 0) this.#beginPartial(this.#header);
      } else {
        const fault = this.#begin(bytes, at);
        if (fault !== undefined) return fault;
        const frameBytes = this.#frame.end - this.#frame.start + FRAME_HEADER_BYTES;
        if (this.#streamRest > 0) {
          at += FRAME_HEADER_BYTES;
        } else if (bytes.byteLength - at >= frameBytes) {
          this.#deliver(bytes, at, frameBytes, false);
          at += frameBytes;
        } else {
          this.#beginPartial(bytes.subarray(at));
          return undefined;
        }
      }
    }
    return undefined;
  }

  /** Reads and judges a whole header; leaves the frame's fields, or a stream's, set. */
  #begin(bytes: Uint8Array, at: number): FrameFault | undefined {
    const length = readU32(bytes, at);
    const kind = bytes[at + 4] ?? 0;
    const flags = bytes[at + 5] ?? 0;
    const bodyBytes = length + FRAME_LENGTH_BYTES - FRAME_HEADER_BYTES;
    if (bodyBytes < 0 || kind === 0 || kind > KIND_MAX) return "frame-malformed";
    if (length + FRAME_LENGTH_BYTES > LINK_FRAME_BYTES_MAX) return "frame-too-large";

    const frame = this.#frame;
    frame.kind = kind;
    frame.flags = flags;
    frame.id = readU32(bytes, at + 6);
    frame.argument = readU32(bytes, at + 10);
    frame.start = 0;
    frame.end = bodyBytes;
    if (kind !== KIND.data || (flags & (FLAG.end | FLAG.failed)) !== 0) return undefined;

    if (bodyBytes === 0) return "frame-malformed";
    if (bodyBytes > LINK_STREAM_FRAME_BYTES_MAX) return "frame-too-large";
    this.#streamId = frame.id;
    this.#streamRest = bodyBytes;
    return undefined;
  }

  #passStream(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.byteLength, at + this.#streamRest);
    this.#streamRest -= end - at;
    this.#sink.onData(this.#streamId, bytes.subarray(at, end));
    return end;
  }

  /** `beginning` starts with the header that `#begin` has just read. */
  #beginPartial(beginning: Uint8Array): void {
    const frameBytes = this.#frame.end - this.#frame.start + FRAME_HEADER_BYTES;
    if (frameBytes === FRAME_HEADER_BYTES) {
      this.#deliver(beginning.slice(), 0, frameBytes, true);
      return;
    }
    this.#partial = allocate(frameBytes);
    this.#partial.set(beginning);
    this.#partialFill = beginning.byteLength;
  }

  #fillPartial(bytes: Uint8Array, at: number, partial: Uint8Array): number {
    const end = Math.min(bytes.byteLength, at + partial.byteLength - this.#partialFill);
    partial.set(bytes.subarray(at, end), this.#partialFill);
    this.#partialFill += end - at;
    if (this.#partialFill === partial.byteLength) {
      this.#partial = undefined;
      this.#deliver(partial, 0, partial.byteLength, true);
    }
    return end;
  }

  #deliver(bytes: Uint8Array, at: number, frameBytes: number, isOwned: boolean): void {
    const frame = this.#frame;
    frame.bytes = bytes;
    frame.start = at + FRAME_HEADER_BYTES;
    frame.end = at + frameBytes;
    frame.isOwned = isOwned;
    this.#sink.onFrame(frame);
    frame.bytes = nothing;
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

/** Not zeroed: every byte is overwritten before anybody sees it. Not pooled: it must pin nothing else. */
function allocate(sizeBytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer);
}
