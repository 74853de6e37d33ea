/**
 * Puts frames together for one write to a socket.
 *
 * Small things are copied into a slab, large ones are handed on as they are. A slab is only ever filled further, never
 * used again, because the socket may still hold the bytes; it is collected when it has let go of them.
 */
import { FRAME_HEADER_BYTES, FRAME_LENGTH_BYTES } from "#runtime/link/frame.ts";
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

  /** Bytes since the last `take`. */
  get bytes(): number {
    return this.#partsBytes + this.#to - this.#from;
  }

  /** The beginning of a frame whose remaining bytes, `bodyBytes` of them, are appended next. */
  begin(kind: number, flags: number, id: number, argument: number, bodyBytes: number): void {
    const at = this.#reserve(FRAME_HEADER_BYTES);
    const slab = this.#slab;
    writeU32(slab, at, FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES + bodyBytes);
    slab[at + 4] = kind;
    slab[at + 5] = flags;
    writeU32(slab, at + 6, id);
    writeU32(slab, at + 10, argument);
  }

  appendU32(value: number): void {
    const at = this.#reserve(4);
    writeU32(this.#slab, at, value);
  }

  /** The bytes must not change until the socket has let go of them. */
  append(bytes: Uint8Array): void {
    const { byteLength } = bytes;
    if (byteLength === 0) return;
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

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
