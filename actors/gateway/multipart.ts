/**
 * Several parts of one object as a body of `multipart/byteranges` (RFC 9110 §14.6).
 *
 * Invariants:
 * - at most one part is open; the first before the answer begins, so that what is missing there still has a status;
 * - it holds no bytes of the object, only what stands around the parts;
 * - it delivers exactly `lengthBytes`, or fails.
 *
 * The boundary is random: bytes that contain it would have to be put after it was drawn.
 */
import type { Extent } from "#actors/domain/byte-range.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { assert, type Failure, ok, type Result } from "#runtime/errors.ts";

export interface MultipartOptions<F extends Failure> {
  /** At least two, in the order in which they are sent. */
  readonly parts: readonly Extent[];
  /** Of the object. */
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly boundary: string;
  readonly open: (part: Extent) => Promise<Result<ByteSource, F>>;
}

interface Part extends Extent {
  /** What stands before its bytes. */
  readonly head: Uint8Array;
}

export class MultipartSource<F extends Failure = Failure> implements ByteSource {
  readonly contentType: string;
  readonly lengthBytes: number;
  readonly #open: MultipartOptions<F>["open"];
  readonly #parts: readonly Part[];
  readonly #tail: Uint8Array;
  #openedCount = 0;
  /** Of the part under way, or of the end: not delivered yet. */
  #framing: Uint8Array = new Uint8Array(0);
  #bytes: ByteSource | undefined;
  #hasEnded = false;
  #failure: Failure | undefined;

  constructor({ parts, sizeBytes, contentType, boundary, open }: MultipartOptions<F>) {
    this.contentType = `multipart/byteranges; boundary=${boundary}`;
    this.#open = open;
    this.#parts = parts.map((part, index) => {
      const { firstByte, lengthBytes } = part;
      const delimiter = `${index === 0 ? "" : "\r\n"}--${boundary}\r\n`;
      const range = `bytes ${firstByte}-${firstByte + lengthBytes - 1}/${sizeBytes}`;
      const head = Buffer.from(`${delimiter}Content-Type: ${contentType}\r\nContent-Range: ${range}\r\n\r\n`);
      return { ...part, head };
    });
    this.#tail = Buffer.from(`\r\n--${boundary}--\r\n`);
    this.lengthBytes = this.#parts.reduce(
      (sum, { head, lengthBytes }) => sum + head.length + lengthBytes,
      this.#tail.length,
    );
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Opens the next part. To be called once before the first read; from then on reading does it. */
  async openNext(): Promise<Result<void, F>> {
    const part = this.#parts[this.#openedCount];
    assert(part !== undefined, "there is a part left");
    this.#openedCount += 1;
    const opened = await this.#open(part);
    if (!opened.ok) {
      this.#failure ??= opened.failure;
      return opened;
    }
    this.#framing = part.head;
    this.#bytes = opened.value;
    // Cancelled while it was opened: nobody else knows of this source.
    if (this.#failure !== undefined) this.#bytes.cancel(this.#failure);
    return ok();
  }

  async read(into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.length && this.#failure === undefined && !this.#hasEnded) {
      filled += this.#takeFraming(into.subarray(filled));
      if (filled === into.length) break;
      const count = await this.#readPart(into.subarray(filled));
      if (count > 0) return filled + count;
    }
    if (this.#failure !== undefined) return FAILED;
    return filled > 0 ? filled : ENDED;
  }

  cancel(reason: Failure): void {
    if (this.#hasEnded) return;
    this.#failure ??= reason;
    this.#bytes?.cancel(reason);
  }

  #takeFraming(into: Uint8Array): number {
    const taken = this.#framing.subarray(0, into.length);
    into.set(taken);
    this.#framing = this.#framing.subarray(taken.length);
    return taken.length;
  }

  /** Bytes of the part under way; 0 where it had no more, and what follows it is under way now. */
  async #readPart(into: Uint8Array): Promise<number> {
    if (this.#bytes !== undefined) {
      const count = await this.#bytes.read(into);
      if (count > 0) return count;
      if (count === FAILED) this.#failure ??= this.#bytes.failure ?? { code: "edge.source-failed" };
      this.#bytes = undefined;
    } else {
      this.#hasEnded = true;
    }
    if (this.#failure !== undefined || this.#hasEnded) return 0;
    if (this.#openedCount < this.#parts.length) await this.openNext();
    else this.#framing = this.#tail;
    return 0;
  }
}
