/**
 * The order of commits: numbers that are given out before a commit is durable and settled when its fate is known.
 *
 * Commits settle out of order. Readers of the log may only see numbers up to `watermark`, below which nothing can
 * appear any more; else a reader would take its cursor past a commit that it never saw.
 */
import { assert } from "#runtime/errors.ts";

export class Sequences {
  readonly #pending = new Set<number>();
  readonly #onDoubt: (sequence: number) => void;
  #next: number;

  /** `last` is the highest number ever used. */
  constructor(last: number, onDoubt: (sequence: number) => void) {
    this.#next = last + 1;
    this.#onDoubt = onDoubt;
  }

  /** The highest that was given out. */
  get last(): number {
    return this.#next - 1;
  }

  begin(): number {
    const sequence = this.#next;
    this.#next += 1;
    this.#pending.add(sequence);
    return sequence;
  }

  /** Its commit is durable and in the catalog, or will never be. */
  settle(sequence: number): void {
    assert(this.#pending.delete(sequence), "a sequence settles once");
  }

  /** Its commit failed, and may be on the disk all the same. It stays pending until it settles, or for ever. */
  doubt(sequence: number): void {
    assert(this.#pending.has(sequence), "what is in doubt has not settled");
    this.#onDoubt(sequence);
  }

  /**
   * Every number up to this one has settled. It may be past the last commit, where the latest ones failed: those numbers
   * are given out again by the next life.
   */
  get watermark(): number {
    // Insertion order is number order: the first one pending is the lowest.
    const [lowest] = this.#pending;
    return (lowest ?? this.#next) - 1;
  }
}
