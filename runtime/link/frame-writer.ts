/**
 * Puts frames together for one write to a socket.
 *
 * Small things are copied into a slab, large ones are handed on as they are. A slab is only ever filled further, never
 * used again, because the socket may still hold the bytes; it is collected when it has let go of them.
 *
 * A long message is kept aside and leaves in parts, of any size that its user likes; until it is gone there is no other.
 */
import { assert } from "#runtime/errors.ts";
import { FRAME_HEADER_BYTES, KIND, writeHeader, writeU32 } from "#runtime/link/frame.ts";
import { LINK_WHOLE_BYTES_MAX } from "#runtime/link/limits.ts";
import { KiB } from "#runtime/units.ts";

const slabBytes: number = 64 * KiB;
/** From here on, another part for the system call costs less than the copy. */
const copyBytesMax: number = 4 * KiB;

export class FrameWriter {
  #slab = new Uint8Array(0);
  /** `#slab[#from … #to - 1]` is written and not yet among the parts. */
  #from = 0;
  #to = 0;
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  /** What is left of a long message, in order. */
  readonly #long: Uint8Array[] = [];
  /** Of the long message: to be appended to it, and to leave. */
  #longMissingBytes = 0;
  #longBytes = 0;

  /** Bytes since the last `take`. */
  get bytes(): number {
    return this.#partsBytes + this.#to - this.#from;
  }

  /** What is left of a long message: the next to leave, before any other message. */
  get longBytes(): number {
    return this.#longBytes;
  }

  /** The beginning of a frame whose remaining bytes, `bodyBytes` of them, are appended next. */
  begin(kind: number, flags: number, id: number, argument: number, bodyBytes: number): void {
    const at = this.#reserve(FRAME_HEADER_BYTES);
    writeHeader(this.#slab, at, kind, flags, id, argument, bodyBytes);
  }

  /** The same for a message: kept aside if it is long. */
  beginMessage(kind: number, flags: number, id: number, argument: number, bodyBytes: number): void {
    if (FRAME_HEADER_BYTES + bodyBytes <= LINK_WHOLE_BYTES_MAX) {
      this.begin(kind, flags, id, argument, bodyBytes);
      return;
    }
    assert(this.#longBytes === 0, "one long message at a time");
    const header = new Uint8Array(FRAME_HEADER_BYTES);
    writeHeader(header, 0, kind, flags, id, argument, bodyBytes);
    this.#long.push(header);
    this.#longBytes = FRAME_HEADER_BYTES + bodyBytes;
    this.#longMissingBytes = bodyBytes;
  }

  /** One part of the long message, with at most `bytesMax` of it. */
  writePart(bytesMax: number): void {
    const partBytes = Math.min(bytesMax, this.#longBytes);
    this.begin(KIND.part, 0, 0, 0, partBytes);
    this.#longBytes -= partBytes;
    for (let left = partBytes; left > 0; ) {
      const piece = this.#long[0];
      assert(piece !== undefined, "a long message is whole before it leaves");
      const length = Math.min(left, piece.byteLength);
      this.append(length === piece.byteLength ? piece : piece.subarray(0, length));
      if (length === piece.byteLength) this.#long.shift();
      else this.#long[0] = piece.subarray(length);
      left -= length;
    }
  }

  appendU32(value: number): void {
    const bytes = new Uint8Array(4);
    writeU32(bytes, 0, value);
    this.append(bytes);
  }

  /** The bytes must not change until the socket has let go of them. */
  append(bytes: Uint8Array): void {
    const { byteLength } = bytes;
    if (byteLength === 0) return;
    if (this.#longMissingBytes > 0) {
      this.#longMissingBytes -= byteLength;
      this.#long.push(bytes);
      return;
    }
    if (byteLength > copyBytesMax) {
      this.#cut();
      this.#push(bytes);
      return;
    }
    const at = this.#reserve(byteLength);
    this.#slab.set(bytes, at);
  }

  /** Everything since the last time, in order. */
  take(): readonly Uint8Array[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#partsBytes = 0;
    return parts;
  }

  /** Answers with where `count` bytes, at most `slabBytes`, may be written. */
  #reserve(count: number): number {
    if (this.#slab.byteLength - this.#to < count) {
      this.#cut();
      this.#slab = new Uint8Array(slabBytes);
      this.#from = 0;
      this.#to = 0;
    }
    const at = this.#to;
    this.#to += count;
    return at;
  }

  #cut(): void {
    if (this.#to === this.#from) return;
    this.#push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }

  #push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#partsBytes += part.byteLength;
  }
}
