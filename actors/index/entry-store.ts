/**
 * All entries: those that wait for the store in memory, the rest in a `Kv`, with a cache in front of it.
 *
 * Invariants:
 * - an entry is found from the moment `add` returns;
 * - batches are written one at a time, in the order of `add`, each whole: a checkpoint is never on disk without every
 *   entry that was added before it or with it;
 * - a batch that the store refuses is kept and tried again; nothing overtakes it.
 *
 * A batch is whatever arrived while the previous one was written and in the pause after it, which ends early when half of
 * the room is taken: a transaction costs the disk as much for one entry as for a thousand.
 */
import type { Address } from "#actors/domain/address.ts";
import type { IndexConfig } from "#actors/index/config.ts";
import { EntryCache } from "#actors/index/entry-cache.ts";
import {
  CHECKPOINT_KEY,
  decodeEntry,
  ENTRY_VERSION,
  encodeEntry,
  encodeKey,
  FORMAT_KEY,
} from "#actors/index/entry-codec.ts";
import type { IndexEntry, ResolvedEntry } from "#actors/index/protocol.ts";
import type { ConfigView } from "#runtime/actor-module.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import { doubled } from "#runtime/doubled.ts";
import type { Kv, KvChange } from "#runtime/kv/kv.ts";
import type { Random } from "#runtime/random.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";

/** Longest time that an entry waits for its batch to begin, ms: what a crash loses is fed again. */
export const WRITE_PAUSE_MS = 250;

export interface EntryStoreOptions {
  readonly kv: Kv;
  readonly config: ConfigView<IndexConfig>;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  /** The store began to refuse writes, or takes them again: see `trouble`. */
  readonly onTrouble: () => void;
}

/** What waits for one batch. */
interface Batch {
  /** Undefined: it goes. */
  readonly entries: Map<Address, ResolvedEntry | undefined>;
  checkpoint: string | undefined;
}

export class EntryStore {
  readonly #kv: Kv;
  readonly #config: ConfigView<IndexConfig>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onTrouble: () => void;
  readonly #cache: EntryCache;
  #next: Batch = emptyBatch();
  #writing: Batch | undefined;
  #attempt: Promise<void> = Promise.resolve();
  #retry: Timer | undefined;
  #pause: Timer | undefined;
  #isHurried = false;
  /** Who waits for what was added to be durable. */
  #awaitedCount = 0;
  #refusals = 0;
  #trouble: string | undefined;
  #waiting: { readonly isOver: () => boolean; readonly resolve: () => void }[] = [];
  #checkpoint: string | undefined;
  #formatWritten: boolean;
  #entryCount: number;
  #closed = false;

  /** `kv` is empty or passed `isReadable`. */
  constructor({ kv, config, clock, random, metrics, onTrouble }: EntryStoreOptions) {
    this.#kv = kv;
    this.#config = config;
    this.#clock = clock;
    this.#random = random;
    this.#onTrouble = onTrouble;
    this.#cache = new EntryCache(() => config.current.cacheBytesMax, clock, metrics);
    const checkpoint = kv.get(CHECKPOINT_KEY);
    this.#checkpoint = checkpoint === undefined ? undefined : new TextDecoder().decode(checkpoint);
    this.#formatWritten = kv.get(FORMAT_KEY) !== undefined;
    this.#entryCount = kv.count() - (this.#formatWritten ? 1 : 0) - (checkpoint === undefined ? 0 : 1);
  }

  /** What the feeder said last: on disk, or waiting with the entries that it covers. */
  get checkpoint(): string | undefined {
    return this.#checkpoint;
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  /** Entries that are not in the store yet. */
  get pendingCount(): number {
    return this.#next.entries.size + (this.#writing?.entries.size ?? 0);
  }

  get hasRoom(): boolean {
    return this.pendingCount <= this.#config.current.pendingEntriesMax;
  }

  /** Why the last write was refused. Undefined while writes succeed. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** `damaged`: the store holds something that is no entry; the caller discards it. */
  find(address: Address): ResolvedEntry | undefined | "damaged" {
    const pending = this.#pendingAt(address);
    if (pending !== undefined) return pending.entries.get(address);
    const cached = this.#cache.get(address);
    if (cached !== undefined) return cached === "unknown" ? undefined : cached;
    const found = this.#read(address);
    if (found === undefined) this.#cache.setUnknown(address);
    else if (found !== "damaged") this.#cache.set(found);
    return found;
  }

  /** The same for whoever only wants to know whether it is there: what is recorded is not what is asked for. */
  has(address: Address): boolean | "damaged" {
    const found = this.#known(address);
    return found === "damaged" ? found : found !== undefined;
  }

  /**
   * Writing follows by itself. `newCount` of the entries were not found before. One whose time ends leaves behind the one that
   * lasts (IDX-18).
   */
  add(entries: readonly IndexEntry[], newCount: number, checkpoint: string | undefined): void {
    for (const { address, manifest, sizeBytes, isTransient } of entries) {
      const known = isTransient ? this.#known(address) : undefined;
      const lasting = isTransient ? (known === "damaged" ? undefined : known?.lasting) : manifest;
      this.#set({ address, manifest, sizeBytes, lasting });
    }
    this.#entryCount += newCount;
    if (checkpoint !== undefined && checkpoint !== this.#checkpoint) {
      this.#checkpoint = checkpoint;
      this.#next.checkpoint = checkpoint;
    }
    this.#added();
  }

  /** Writing follows by itself. It was found before. */
  loosen(entry: ResolvedEntry): void {
    this.#set({ ...entry, lasting: undefined });
    this.#added();
  }

  /** Writing follows by itself. It was found before. */
  remove(address: Address): void {
    this.#next.entries.set(address, undefined);
    this.#cache.forget(address);
    this.#entryCount -= 1;
    this.#added();
  }

  #set(entry: ResolvedEntry): void {
    this.#next.entries.set(entry.address, entry);
    this.#cache.forget(entry.address);
  }

  #added(): void {
    if (this.#pause === undefined) this.#begin();
    else if (this.#next.entries.size > this.#config.current.pendingEntriesMax / 2) this.#endPause();
  }

  /** Settles when there is room, or when waiting for it has become pointless for now. */
  room(): Promise<void> {
    return this.#until(() => this.hasRoom || this.#trouble !== undefined);
  }

  /** Settles when what was added is durable, also where the system crashes; false when the store refuses it, or was closed. */
  async durable(): Promise<boolean> {
    const last = this.#next.entries.size > 0 ? this.#next : this.#writing;
    const isWritten = (): boolean => last === undefined || (last !== this.#next && last !== this.#writing);
    this.#awaitedCount += 1;
    this.#endPause();
    await this.#until(() => isWritten() || this.#trouble !== undefined);
    this.#awaitedCount -= 1;
    if (!isWritten() || this.#closed) return false;
    await this.#kv.flush();
    return true;
  }

  /** Settles when everything added is in the store, or when the store refuses it. */
  async written(): Promise<void> {
    this.#isHurried = true;
    this.#endPause();
    await this.#until(() => this.#writing === undefined || this.#trouble !== undefined);
    if (this.#trouble === undefined && !this.#closed) await this.#kv.flush();
  }

  /** Waits for the batch under way; what was not begun is forgotten, and fed again in the next life. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#retry?.cancel();
    this.#pause?.cancel();
    this.#wake();
    await this.#attempt;
    await this.#kv.close();
  }

  /** Without a place in the cache. */
  #known(address: Address): ResolvedEntry | undefined | "damaged" {
    const pending = this.#pendingAt(address);
    return pending === undefined ? this.#read(address) : pending.entries.get(address);
  }

  /** The batch that speaks of it last. */
  #pendingAt(address: Address): Batch | undefined {
    return [this.#next, this.#writing].find((batch) => batch?.entries.has(address));
  }

  /** The store is a seam: a damaged one may throw where it is read. */
  #read(address: Address): ResolvedEntry | undefined | "damaged" {
    try {
      const value = this.#kv.get(encodeKey(address));
      return value === undefined ? undefined : (decodeEntry(address, value) ?? "damaged");
    } catch {
      return "damaged";
    }
  }

  #begin(): void {
    if (this.#writing !== undefined || this.#closed) return;
    if (this.#next.entries.size === 0 && this.#next.checkpoint === undefined) return;
    this.#writing = this.#next;
    this.#next = emptyBatch();
    this.#attempt = this.#write(this.#writing);
  }

  async #write(batch: Batch): Promise<void> {
    const refusal = await this.#kv.batch(this.#changesOf(batch)).then(() => undefined, describeRefusal);
    if (refusal === undefined) this.#succeeded();
    else this.#refused(batch, refusal);
    this.#wake();
  }

  #succeeded(): void {
    this.#writing = undefined;
    this.#formatWritten = true;
    this.#refusals = 0;
    if (this.#trouble !== undefined) {
      this.#trouble = undefined;
      this.#onTrouble();
    }
    const isHurried = this.#isHurried || this.#awaitedCount > 0;
    if (isHurried || this.#next.entries.size > this.#config.current.pendingEntriesMax / 2) this.#begin();
    else this.#pause = this.#clock.after(WRITE_PAUSE_MS, () => this.#endPause());
  }

  #endPause(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#begin();
  }

  #refused(batch: Batch, refusal: string): void {
    const isNews = this.#trouble !== refusal;
    this.#trouble = refusal;
    if (isNews) this.#onTrouble();
    if (this.#closed) return;
    const { writeRetryMsMin, writeRetryMsMax } = this.#config.current;
    // Full jitter; 2^31 is past every bound that the configuration allows.
    const ceilingMs = doubled(writeRetryMsMin, this.#refusals, writeRetryMsMax);
    this.#refusals += 1;
    this.#retry = this.#clock.after(this.#random.below(Math.floor(ceilingMs) + 1), () => {
      this.#attempt = this.#write(batch);
    });
  }

  #changesOf({ entries, checkpoint }: Batch): readonly KvChange[] {
    const changes: KvChange[] = [];
    if (!this.#formatWritten) changes.push({ key: FORMAT_KEY, value: Uint8Array.of(ENTRY_VERSION) });
    for (const [address, entry] of entries) {
      changes.push({ key: encodeKey(address), value: entry && encodeEntry(entry) });
    }
    if (checkpoint !== undefined) {
      changes.push({ key: CHECKPOINT_KEY, value: new TextEncoder().encode(checkpoint) });
    }
    return changes;
  }

  #until(isOver: () => boolean): Promise<void> {
    if (isOver() || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ isOver, resolve });
    });
  }

  #wake(): void {
    this.#waiting = this.#waiting.filter(({ isOver, resolve }) => {
      if (!isOver() && !this.#closed) return true;
      resolve();
      return false;
    });
  }
}

/** Whether `kv` was written by this version, or is new. */
export function isReadable(kv: Kv): boolean {
  try {
    const format = kv.get(FORMAT_KEY);
    kv.get(CHECKPOINT_KEY);
    return format === undefined ? kv.count() === 0 : format.byteLength === 1 && format[0] === ENTRY_VERSION;
  } catch {
    // Damaged.
    return false;
  }
}

/** Whether it is a key of what speaks for all entries: their format, and how far they go. */
export function isSummary(key: Uint8Array): boolean {
  return Buffer.compare(key, FORMAT_KEY) === 0 || Buffer.compare(key, CHECKPOINT_KEY) === 0;
}

function emptyBatch(): Batch {
  return { entries: new Map(), checkpoint: undefined };
}

/** At most 200 characters, for logs and health. */
function describeRefusal(error: unknown): string {
  return String(error instanceof Error ? error.message : error).slice(0, 200);
}
