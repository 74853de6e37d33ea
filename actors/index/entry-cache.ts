/**
 * What was asked for last, found or not: saves reading and decoding, not correctness.
 *
 * That an address is unknown is remembered for `NEGATIVE_MS_MAX` at most, and no longer than until it is recorded. Of the
 * room these take an eighth: whoever asks for what nobody has must not drive out what others ask for.
 */
import type { Address } from "#actors/domain/address.ts";
import type { ResolvedEntry } from "#actors/index/protocol.ts";
import type { Clock } from "#runtime/clock.ts";
import { LruCache } from "#runtime/lru-cache.ts";
import type { Counter, Metrics } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";

/** Longest time that an address is held to be unknown without the store being asked, ms. */
export const NEGATIVE_MS_MAX: number = 5 * second;

/** Two strings of 67 and 64 characters, an object of four fields, and its place in the map. */
const ENTRY_BYTES = 320;
/** Another string of 64 characters. */
const LASTING_BYTES = 96;
/** A string of 67 characters, a number, and its place in the map. */
const NEGATIVE_BYTES = 160;
const NEGATIVE_SHARE = 1 / 8;

const HIT = { outcome: "hit" };
const NEGATIVE_HIT = { outcome: "negative-hit" };
const MISS = { outcome: "miss" };

export class EntryCache {
  readonly #entries: LruCache<Address, ResolvedEntry>;
  /** Until when they are held to be unknown. */
  readonly #unknown: LruCache<Address, number>;
  readonly #clock: Clock;
  readonly #lookups: Counter;

  constructor(bytesMax: () => number, clock: Clock, metrics: Metrics) {
    this.#entries = new LruCache(
      () => bytesMax() * (1 - NEGATIVE_SHARE),
      ({ lasting, manifest }) => ENTRY_BYTES + (lasting === undefined || lasting === manifest ? 0 : LASTING_BYTES),
    );
    this.#unknown = new LruCache(
      () => bytesMax() * NEGATIVE_SHARE,
      () => NEGATIVE_BYTES,
    );
    this.#clock = clock;
    this.#lookups = metrics.counter("index_cache_lookups_total", "Addresses looked for in the cache, by outcome.");
  }

  /** `unknown`: the store has no entry for it. Undefined: the store has to be asked. */
  get(address: Address): ResolvedEntry | "unknown" | undefined {
    const entry = this.#entries.get(address);
    const isUnknown = entry === undefined && (this.#unknown.get(address) ?? 0) > this.#clock.nowMs();
    this.#lookups.add(1, entry !== undefined ? HIT : isUnknown ? NEGATIVE_HIT : MISS);
    return isUnknown ? "unknown" : entry;
  }

  set(entry: ResolvedEntry): void {
    this.#entries.set(entry.address, entry);
  }

  setUnknown(address: Address): void {
    this.#unknown.set(address, this.#clock.nowMs() + NEGATIVE_MS_MAX);
  }

  /** What is stored for the address changes. */
  forget(address: Address): void {
    this.#entries.delete(address);
    this.#unknown.delete(address);
  }
}
