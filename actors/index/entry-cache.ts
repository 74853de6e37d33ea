/** The entries asked for last, at most `entriesMax`: saves decoding, not correctness. */
import type { Address } from "#actors/domain/address.ts";
import type { IndexEntry } from "#actors/index/protocol.ts";

export class EntryCache {
  /** In order of use, the least recent first: a `Map` keeps insertion order, and a hit is inserted again. */
  readonly #entries = new Map<Address, IndexEntry>();
  readonly #entriesMax: () => number;

  /** `entriesMax` is asked at every insertion, because the configuration may change. */
  constructor(entriesMax: () => number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(address: Address): IndexEntry | undefined {
    const entry = this.#entries.get(address);
    if (entry === undefined) return undefined;
    this.#entries.delete(address);
    this.#entries.set(address, entry);
    return entry;
  }

  set(entry: IndexEntry): void {
    this.#entries.delete(entry.address);
    this.#entries.set(entry.address, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax()) return;
      this.#entries.delete(oldest);
    }
  }

  /** What is stored for the address has changed. */
  forget(address: Address): void {
    this.#entries.delete(address);
  }
}
