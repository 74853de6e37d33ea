/**
 * A byte source as it is handed from one side of a call to the other: the same bytes, tied to what it belongs to.
 */
import { type ByteSource, ENDED, FAILED, isByteSource } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Machine } from "#runtime/machine.ts";

export class LentSource implements ByteSource {
  readonly #inner: ByteSource;
  readonly #machine: Pick<Machine, "surface">;
  readonly #onProgress: (() => void) | undefined;
  readonly #onSettled: ((source: LentSource) => void) | undefined;
  #settled = false;
  #cancelled: Failure | undefined;

  /** `onProgress` runs after every read that brought bytes, `onSettled` once, at the end, failure or cancel. */
  constructor(
    inner: ByteSource,
    machine: Pick<Machine, "surface">,
    onProgress: (() => void) | undefined,
    onSettled: ((source: LentSource) => void) | undefined,
  ) {
    this.#inner = inner;
    this.#machine = machine;
    this.#onProgress = onProgress;
    this.#onSettled = onSettled;
  }

  get failure(): Failure | undefined {
    return this.#cancelled ?? this.#inner.failure;
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#cancelled !== undefined) return FAILED;
    const count = await this.#inner.read(into);
    // Cancelled while reading: the bytes belong to a call that is over.
    if (this.#cancelled !== undefined) return FAILED;
    if (count === ENDED || count === FAILED) this.#settle();
    else this.#onProgress?.();
    return count;
  }

  cancel(reason: Failure): void {
    if (this.#settled) return;
    this.#cancelled = reason;
    this.#settle();
    try {
      this.#inner.cancel(reason);
    } catch (defect) {
      // Whoever ends a call or a life goes on with it.
      this.#machine.surface(defect);
    }
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onSettled?.(this);
  }
}

/** The one direct member of a request or reply that is a source, with its key. */
export function findSource(value: unknown): { readonly key: string; readonly source: ByteSource } | undefined {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return undefined;
  let found: { readonly key: string; readonly source: ByteSource } | undefined;
  try {
    for (const key in value) {
      const member = (value as Record<string, unknown>)[key];
      if (typeof member === "object" && isByteSource(member)) found = { key, source: member };
    }
  } catch {
    // What throws when it is looked at is for its handler to look at.
    return undefined;
  }
  return found;
}
