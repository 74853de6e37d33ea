/**
 * Reads of objects, ahead of whoever reads one from front to back: a round trip for each small read would be most of the time.
 *
 * Objects never change, so what was read ahead stays right. A few windows of all objects together are in memory; the one
 * that was asked for longest ago goes first. Reads that do not follow one another ask for what they want and no more.
 */
import type { Bucket, BucketFailure } from "#runtime/bucket/bucket.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { KiB, MiB } from "#runtime/units.ts";

/** What is read ahead at once, or the rest of the object. */
export const READ_WINDOW_BYTES_MAX: number = 2 * MiB;
/** In memory, of all objects: with one more the oldest goes. */
export const READ_WINDOWS_MAX = 16;

/** Reads in a row, each from about where the one before ended, that are taken for reading from front to back. */
const RUN = 3;
/** What may be passed over between two of them: records have fronts and tables. */
const SKIP_BYTES: number = 64 * KiB;
/** Reads that the next one may follow. */
export const RUNS_MAX = 128;

/** Reads in a row, up to `end`. */
interface Run {
  readonly key: string;
  readonly end: number;
  readonly length: number;
}

interface Window {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly read: Promise<Result<Uint8Array, BucketFailure>>;
}

export class ObjectReader {
  readonly #bucket: Pick<Bucket, "read">;
  /** The one asked for longest ago first. */
  readonly #windows = new Set<Window>();
  /** The oldest first: several may go on in one object. */
  readonly #runs = new Set<Run>();

  constructor(bucket: Pick<Bucket, "read">) {
    this.#bucket = bucket;
  }

  /** As `Bucket.read`, of an object that is `objectBytes` long. */
  async read(
    key: string,
    objectBytes: number,
    into: Uint8Array,
    position: number,
  ): Promise<Result<void, BucketFailure>> {
    const end = position + into.length;
    const isInRow = this.#follows(key, position, end) && into.length < READ_WINDOW_BYTES_MAX;
    const window = this.#find(key, position, end) ?? (isInRow ? this.#begin(key, position, objectBytes) : undefined);
    if (window === undefined) return await this.#bucket.read(key, into, position);
    this.#touch(window);
    // Before it is wanted: else every window would be waited for.
    const isPastHalf = end > (window.from + window.to) / 2 && window.to < objectBytes;
    if (isInRow && isPastHalf && this.#find(key, window.to, window.to + 1) === undefined) {
      this.#touch(this.#begin(key, window.to, objectBytes));
    }
    const read = await window.read;
    if (!read.ok) return read;
    into.set(read.value.subarray(position - window.from, end - window.from));
    return ok();
  }

  /** Makes it the one that was asked for last. */
  #touch(window: Window): void {
    this.#windows.delete(window);
    this.#windows.add(window);
    const [oldest] = this.#windows;
    if (this.#windows.size > READ_WINDOWS_MAX && oldest !== undefined) this.#windows.delete(oldest);
  }

  #find(key: string, from: number, to: number): Window | undefined {
    for (const window of this.#windows) {
      if (window.key === key && window.from <= from && to <= window.to) return window;
    }
    return undefined;
  }

  #begin(key: string, from: number, objectBytes: number): Window {
    const to = Math.min(objectBytes, from + READ_WINDOW_BYTES_MAX);
    const bytes = new Uint8Array(to - from);
    const read = this.#bucket.read(key, bytes, from).then((done) => {
      if (done.ok) return ok(bytes);
      // Whoever waits is told; the next one tries anew.
      this.#windows.delete(window);
      return done;
    });
    const window: Window = { key, from, to, read };
    return window;
  }

  /** Whether this read is one of several in a row. */
  #follows(key: string, position: number, end: number): boolean {
    let before: Run | undefined;
    for (const run of this.#runs) {
      const isNext = run.key === key && run.end <= position && position - run.end <= SKIP_BYTES;
      if (isNext && (before === undefined || run.end > before.end)) before = run;
    }
    if (before !== undefined) this.#runs.delete(before);
    const length = (before?.length ?? 0) + 1;
    this.#runs.add({ key, end, length });
    const [oldest] = this.#runs;
    if (this.#runs.size > RUNS_MAX && oldest !== undefined) this.#runs.delete(oldest);
    return length >= RUN;
  }
}
