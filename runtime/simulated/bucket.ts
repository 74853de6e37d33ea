/**
 * A bucket in memory that can do what a bucket behind a network does: not answer, and do what it was asked all the same,
 * at once, later, or never.
 */
import type { Bucket, BucketFailure, ObjectPage } from "#runtime/bucket/bucket.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** What becomes of a put, or of the removal of some keys. */
export type BucketFate =
  | "answered"
  /** It was done, and nobody was told. */
  | "done-unheard"
  /** Nobody was told, and it is done when `arrive` is called. */
  | "late"
  | "lost";

export interface MemoryBucketOptions {
  /** Objects of a page; 1 000 without it. */
  readonly pageObjectsMax?: number;
}

/** Objects by their keys. Whole puts, and lists that are never behind. */
export class MemoryBucket implements Bucket {
  /** Asked for every put and removal; `answered` without it. */
  fateOf: (key: string) => BucketFate = () => "answered";
  /** Requests of each kind so far. */
  readonly counts: { put: number; read: number; list: number; remove: number } = {
    put: 0,
    read: 0,
    list: 0,
    remove: 0,
  };

  readonly #objects = new Map<string, Uint8Array>();
  readonly #pageObjectsMax: number;
  #late: (() => void)[] = [];

  constructor({ pageObjectsMax = 1000 }: MemoryBucketOptions = {}) {
    this.#pageObjectsMax = pageObjectsMax;
  }

  /** Of all objects, in order. */
  get keys(): readonly string[] {
    return [...this.#objects.keys()].sort();
  }

  /** What was late is done now, in the order in which it was asked, or the other way round. */
  arrive(isReversed: boolean = false): void {
    const late = isReversed ? this.#late.toReversed() : this.#late;
    this.#late = [];
    for (const run of late) run();
  }

  /** Keeps only the front of an object, as a server may that is not atomic. */
  tear(key: string, sizeBytes: number): void {
    const bytes = this.#objects.get(key);
    if (bytes !== undefined) this.#objects.set(key, bytes.slice(0, sizeBytes));
  }

  async put(key: string, parts: readonly Uint8Array[]): Promise<Result<void, BucketFailure>> {
    this.counts.put += 1;
    const bytes = new Uint8Array(Buffer.concat(parts));
    return await this.#change(key, () => void this.#objects.set(key, bytes));
  }

  async read(key: string, into: Uint8Array, position: number): Promise<Result<void, BucketFailure>> {
    this.counts.read += 1;
    await undefined;
    const bytes = this.#objects.get(key);
    if (bytes === undefined) return fail({ code: "bucket.missing", key });
    if (position + into.length > bytes.length) {
      return fail({ code: "bucket.refused", key, status: 416, reason: "InvalidRange" });
    }
    into.set(bytes.subarray(position, position + into.length));
    return ok();
  }

  async list(prefix: string, next?: string): Promise<Result<ObjectPage, BucketFailure>> {
    this.counts.list += 1;
    await undefined;
    const keys = this.keys.filter((key) => key.startsWith(prefix) && (next === undefined || key > next));
    const objects = keys
      .slice(0, this.#pageObjectsMax)
      .map((key) => ({ key, sizeBytes: this.#objects.get(key)?.length ?? 0 }));
    return ok({ objects, next: keys.length > objects.length ? objects.at(-1)?.key : undefined });
  }

  async remove(keys: readonly string[]): Promise<Result<void, BucketFailure>> {
    this.counts.remove += 1;
    for (const key of keys) {
      const removed = await this.#change(key, () => void this.#objects.delete(key));
      if (!removed.ok) return removed;
    }
    return ok();
  }

  async #change(key: string, run: () => void): Promise<Result<void, BucketFailure>> {
    await undefined;
    const fate = this.fateOf(key);
    if (fate === "answered" || fate === "done-unheard") run();
    if (fate === "late") this.#late.push(run);
    return fate === "answered" ? ok() : fail({ code: "bucket.unreachable", key, cause: "simulated", attemptCount: 1 });
  }
}
