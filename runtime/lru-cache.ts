/**
 * Values by their key, the least recently used out first, bounded by what the values are said to take.
 *
 * It saves work, not correctness: whatever is asked of it may be gone.
 */
export class LruCache<Key, Value> {
  /** In order of use, the least recent first: a `Map` keeps insertion order, and a hit is inserted again. */
  readonly #values = new Map<Key, Value>();
  readonly #bytesMax: () => number;
  readonly #bytesOf: (value: Value) => number;
  #bytes = 0;

  /** `bytesMax` is asked at every insertion, because the configuration may change. `bytesOf` one value never changes. */
  constructor(bytesMax: () => number, bytesOf: (value: Value) => number) {
    this.#bytesMax = bytesMax;
    this.#bytesOf = bytesOf;
  }

  /** What everything in it takes. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: Key): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** A value that is larger than the cache is not kept. */
  set(key: Key, value: Value): void {
    this.delete(key);
    this.#values.set(key, value);
    this.#bytes += this.#bytesOf(value);
    for (const oldest of this.#values.keys()) {
      if (this.#bytes <= this.#bytesMax()) return;
      this.delete(oldest);
    }
  }

  delete(key: Key): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#bytes -= this.#bytesOf(value);
    this.#values.delete(key);
  }
}
