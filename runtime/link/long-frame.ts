/**
 * A long message as it is put together from its parts: its own header first, then all of it in one buffer of the right
 * size, once its length is known to be allowed.
 */
import { FRAME_HEADER_BYTES, Frame, KIND, readHeader } from "#runtime/link/frame.ts";
import { LINK_MESSAGE_BYTES_MAX } from "#runtime/link/limits.ts";

const messages: ReadonlySet<number> = new Set([KIND.request, KIND.reply, KIND.cast]);

export type LongFault = "frame-too-large" | "frame-malformed";

export class LongFrame {
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  readonly #frame = new Frame();
  #bytes: Uint8Array | undefined;
  #fill = 0;

  /** More of it. Answers with the whole frame when this was the last of it. */
  push(piece: Uint8Array): Uint8Array | LongFault | undefined {
    let rest = piece;
    if (this.#bytes === undefined) {
      const taken = Math.min(FRAME_HEADER_BYTES - this.#fill, piece.byteLength);
      this.#header.set(piece.subarray(0, taken), this.#fill);
      this.#fill += taken;
      if (this.#fill < FRAME_HEADER_BYTES) return undefined;
      const bytes = this.#begin();
      if (typeof bytes === "string") return bytes;
      this.#bytes = bytes;
      rest = piece.subarray(taken);
    }
    const bytes = this.#bytes;
    if (this.#fill + rest.byteLength > bytes.byteLength) return "frame-malformed";
    bytes.set(rest, this.#fill);
    this.#fill += rest.byteLength;
    if (this.#fill < bytes.byteLength) return undefined;
    this.#bytes = undefined;
    this.#fill = 0;
    return bytes;
  }

  #begin(): Uint8Array | LongFault {
    readHeader(this.#frame, this.#header, 0);
    const { kind, end } = this.#frame;
    if (!messages.has(kind) || end <= FRAME_HEADER_BYTES) return "frame-malformed";
    if (end > LINK_MESSAGE_BYTES_MAX) return "frame-too-large";
    const bytes = allocateWhole(end);
    bytes.set(this.#header);
    return bytes;
  }
}

/** Not zeroed: every byte is overwritten before anybody sees it. Not pooled: it must pin nothing else. */
export function allocateWhole(sizeBytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer);
}
