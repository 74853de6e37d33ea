/** The body of an upload: counted, failed one byte past the limit of the object, and empty where none was sent. */
import type { ObjectOverLimit } from "#actors/gateway/failures.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";

export class LimitedSource implements ByteSource {
  readonly #inner: ByteSource | undefined;
  readonly #sizeBytesMax: number;
  readonly #onBytes: (count: number) => void;
  #totalBytes: number;
  #overLimit: ObjectOverLimit | undefined;

  /** `offsetBytes` of the object came before. */
  constructor(
    inner: ByteSource | undefined,
    sizeBytesMax: number,
    onBytes: (count: number) => void,
    offsetBytes: number = 0,
  ) {
    this.#inner = inner;
    this.#sizeBytesMax = sizeBytesMax;
    this.#onBytes = onBytes;
    this.#totalBytes = offsetBytes;
  }

  get failure(): Failure | undefined {
    return this.#overLimit ?? this.#inner?.failure;
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#overLimit !== undefined) return FAILED;
    const count = (await this.#inner?.read(into)) ?? ENDED;
    if (count <= 0) return count;
    this.#onBytes(count);
    this.#totalBytes += count;
    if (this.#totalBytes <= this.#sizeBytesMax) return count;
    this.#overLimit = { code: "gateway.object-too-large", sizeBytesMax: this.#sizeBytesMax };
    this.#inner?.cancel(this.#overLimit);
    return FAILED;
  }

  cancel(reason: Failure): void {
    this.#inner?.cancel(reason);
  }
}
