/**
 * Cuts the bytes of a socket into frames, wherever the pieces begin and end.
 *
 * A frame that lies in one piece is not copied. One that does not, and a message that travels in parts, is put together
 * in a buffer of its own, once its length is known to be allowed. The bytes of streams are never put together: they are
 * passed on as they come. Nothing it is fed makes it throw; the first fault is final.
 */
import { FLAG, FRAME_HEADER_BYTES, Frame, KIND, KIND_MAX, readHeader } from "#runtime/link/frame.ts";
import { LINK_FRAME_BYTES_MAX } from "#runtime/link/limits.ts";
import { allocateWhole, type LongFault, LongFrame } from "#runtime/link/long-frame.ts";

/** What an idle decoder holds, instead of the last piece it saw. */
const nothing = new Uint8Array(0);

export type FrameFault = LongFault;

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
  /** Bytes still to come of a frame that passes through: data of a stream, or a part of a long message. */
  #passingBytes = 0;
  #long = new LongFrame();
  #isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** The sink wants nothing more: what was pushed is dropped. */
  stop(): void {
    this.#isStopped = true;
    this.#partial = undefined;
    this.#long = new LongFrame();
  }

  push(bytes: Uint8Array): FrameFault | undefined {
    let fault: FrameFault | undefined;
    for (let at = 0; at < bytes.byteLength && fault === undefined && !this.#isStopped; ) {
      const left = bytes.byteLength - at;
      if (this.#passingBytes > 0) {
        const end = at + Math.min(left, this.#passingBytes);
        fault = this.#pass(bytes.subarray(at, end));
        at = end;
      } else if (this.#partial !== undefined) {
        at = this.#fillPartial(bytes, at, this.#partial);
      } else if (this.#headerFill > 0 || left < FRAME_HEADER_BYTES) {
        const taken = Math.min(FRAME_HEADER_BYTES - this.#headerFill, left);
        this.#header.set(bytes.subarray(at, at + taken), this.#headerFill);
        this.#headerFill += taken;
        at += taken;
        if (this.#headerFill === FRAME_HEADER_BYTES) fault = this.#beginCut();
      } else {
        fault = this.#begin(bytes, at);
        if (fault !== undefined) return fault;
        const { end } = this.#frame;
        if (this.#passingBytes > 0) {
          at += FRAME_HEADER_BYTES;
        } else if (end <= bytes.byteLength) {
          this.#deliver(bytes);
          at = end;
        } else {
          this.#beginPartial(bytes.subarray(at));
          return undefined;
        }
      }
    }
    return fault;
  }

  /** Reads and judges a whole header; leaves the frame's fields set, or how many bytes pass through. */
  #begin(bytes: Uint8Array, at: number): FrameFault | undefined {
    const frame = this.#frame;
    readHeader(frame, bytes, at);
    const { kind, flags } = frame;
    const bodyBytes = frame.end - frame.start;
    if (bodyBytes < 0 || kind === 0 || kind > KIND_MAX) return "frame-malformed";
    if (bodyBytes > LINK_FRAME_BYTES_MAX) return "frame-too-large";
    const passes = kind === KIND.part || (kind === KIND.data && (flags & (FLAG.end | FLAG.failed)) === 0);
    if (!passes) return undefined;

    if (bodyBytes === 0) return "frame-malformed";
    this.#passingBytes = bodyBytes;
    return undefined;
  }

  /** The same for a header that came in more than one piece. */
  #beginCut(): FrameFault | undefined {
    this.#headerFill = 0;
    const fault = this.#begin(this.#header, 0);
    if (fault === undefined && this.#passingBytes === 0) this.#beginPartial(this.#header);
    return fault;
  }

  #pass(piece: Uint8Array): FrameFault | undefined {
    this.#passingBytes -= piece.byteLength;
    const frame = this.#frame;
    if (frame.kind === KIND.data) {
      this.#sink.onData(frame.id, piece);
      return undefined;
    }
    const whole = this.#long.push(piece);
    if (whole === undefined || typeof whole === "string") return whole;
    // The last part ends where the message does.
    if (this.#passingBytes > 0) return "frame-malformed";
    readHeader(frame, whole, 0);
    this.#deliver(whole);
    return undefined;
  }

  /** `beginning` starts with the header that `#begin` has just read. */
  #beginPartial(beginning: Uint8Array): void {
    const frameBytes = FRAME_HEADER_BYTES + this.#frame.end - this.#frame.start;
    const partial = allocateWhole(frameBytes);
    partial.set(beginning);
    readHeader(this.#frame, partial, 0);
    if (beginning.byteLength === frameBytes) {
      this.#deliver(partial);
      return;
    }
    this.#partial = partial;
    this.#partialFill = beginning.byteLength;
  }

  #fillPartial(bytes: Uint8Array, at: number, partial: Uint8Array): number {
    const end = Math.min(bytes.byteLength, at + partial.byteLength - this.#partialFill);
    partial.set(bytes.subarray(at, end), this.#partialFill);
    this.#partialFill += end - at;
    if (this.#partialFill === partial.byteLength) {
      this.#partial = undefined;
      this.#deliver(partial);
    }
    return end;
  }

  #deliver(bytes: Uint8Array): void {
    const frame = this.#frame;
    frame.bytes = bytes;
    this.#sink.onFrame(frame);
    frame.bytes = nothing;
  }
}
