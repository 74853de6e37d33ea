/**
 * Key-value stores over LMDB: one environment per directory, one store in it, keys and values as plain bytes.
 *
 * A commit waits for the disk, and is the only one under way. `overlappingSync` would not wait, but it tells nobody when
 * the disk refuses what comes after a commit, and the next one then never ends; `noSync` damages the file. Owners write
 * large batches behind their own backs, so that what this costs is not waited for.
 *
 * A commit that does not end in time is refused, and no other is begun until it has: the disk hangs, or LMDB began no
 * transaction (MDB_PANIC), which the library tells nobody. `close` waits for it, because closing under it may block the
 * thread for good: whoever closes has a bound, past which the process is replaced (SUP-17).
 *
 * LMDB ends the process where its file is damaged in the wrong place, and has no checksums, so `open` looks before it leaps
 * (`kv-preflight.ts`) and reads all pairs afterwards where they are few, or the store was not closed twice in a row;
 * otherwise it counts them, a million in 55 ms here. LMDB itself survives openers in several processes; that there is
 * one is for the node's own lock to see to. A second opener in this process is refused.
 *
 * Here 2 600 batches/s of one change, 98 000 changes/s in large ones (109 000 with `overlappingSync`), 350 000 reads/s.
 */
import { statSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { getSystemErrorName } from "node:util";
import { crc32 } from "node:zlib";
import { open, type RootDatabase } from "lmdb";
import type { Clock } from "#runtime/clock.ts";
import { assert, Defect, fail, ok, type Result } from "#runtime/errors.ts";
import { addedBytesOf, assertChanges, assertKey } from "#runtime/kv/check.ts";
import type { Kv, KvBroken, KvChange, KvStores } from "#runtime/kv/kv.ts";
import { freeBytesIn } from "#runtime/real/free-space.ts";
import {
  dataName,
  diskIsFull,
  isTrusted,
  markClosed,
  markInUse,
  prepareDirectory,
  withOpeningMark,
} from "#runtime/real/kv-preflight.ts";
import { KiB, MiB, minute, second } from "#runtime/units.ts";

/**
 * Free bytes of the disk without which a batch is not begun: LMDB writes every page that a change touches anew, and where
 * one does not fit it may damage its own memory and end the process (kriszyp/lmdb-js#40).
 */
export const KV_ROOM_BYTES_MIN: number = 256 * KiB;
/** As many more for each change, and for each byte added. */
const pageBytes = 4 * KiB;
/** From so much on the size of the store is looked at: no commit writes more than all of its pages anew. */
const largeBatchBytes = 1 * MiB;

/** A commit that has not ended by then is refused, ms: a disk may try for half a minute over one bad sector. */
export const KV_COMMIT_MS_MAX: number = 1 * minute;
/** As much more for each change, ms: each may make a slow disk seek its page. */
export const KV_CHANGE_MS_MAX = 10;

/** Of the CRC-32 of key and value, behind each value. */
const checkBytes = 4;

/** A store with more pairs is read as a whole only where it was not closed twice in a row: a million take 1.4 s. */
export const VERIFIED_PAIRS_MAX = 10_000;

/** Added bytes after which the size of the file is looked at again: the store may outgrow its bound by this and a batch. */
const sizeCheckBytes = 1 * MiB;

type Database = RootDatabase<Uint8Array, Uint8Array>;

/** One value per process: it knows which directories are open. */
export function createLmdbStores(clock: Clock): KvStores {
  const opened = new Set<string>();

  return {
    async open(directory, { mapBytesMax }) {
      const broken = (cause: string): Result<never, KvBroken> => fail({ code: "kv.broken", path: directory, cause });
      if (opened.has(directory)) return broken("opened already");
      const problem = prepareDirectory(directory);
      if (problem === diskIsFull) return fail({ code: "kv.full", path: directory });
      if (problem !== undefined) return broken(problem);
      const trusted = isTrusted(directory);
      const { database, damage } = withOpeningMark(directory, () => openWalked(directory, mapBytesMax, trusted));
      if (damage !== undefined) {
        await database?.close();
        return damage === diskIsFull ? fail({ code: "kv.full", path: directory }) : broken(damage);
      }
      opened.add(directory);
      markInUse(directory);
      return ok(new LmdbKv(database, { clock, directory, mapBytesMax, onClosed: () => opened.delete(directory) }));
    },
  };
}

interface LmdbKvOptions {
  readonly clock: Clock;
  readonly directory: string;
  readonly mapBytesMax: number;
  readonly onClosed: () => void;
}

class LmdbKv implements Kv {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #mapBytesMax: number;
  readonly #onClosed: () => void;
  #uncheckedBytes = sizeCheckBytes;
  #isFull = false;
  /** The last commit failed. */
  #hasRefused = false;
  /** The disk refused the header: LMDB begins no transaction any more, and the library never says so. */
  #isBroken = false;
  /** A commit that was refused because its time was over, and has not ended yet. */
  #late: { readonly commit: Promise<void>; readonly refusal: string } | undefined;
  /** Settles when the commits given so far are over, or refused. */
  #line: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(database: Database, { clock, directory, mapBytesMax, onClosed }: LmdbKvOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#directory = directory;
    this.#mapBytesMax = mapBytesMax;
    this.#onClosed = onClosed;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    assertKey(key);
    const stored = this.#database.get(key);
    return stored === undefined ? undefined : checked(key, stored);
  }

  range(from: Uint8Array, to: Uint8Array, limit: number): readonly { key: Uint8Array; value: Uint8Array }[] {
    if (limit === 0 || Buffer.compare(from, to) >= 0) return [];
    const pairs = this.#database.getRange({ start: from, end: to, limit });
    return Array.from(pairs, ({ key, value }) => ({ key: plain(key), value: checked(key, value) }));
  }

  async batch(changes: readonly KvChange[]): Promise<void> {
    assertChanges(changes);
    // Copied at the call, because it may have to wait: the caller uses its buffers again.
    const copied = changes.map(({ key, value }) => ({
      key: new Uint8Array(key),
      value: value && withCheck(key, value),
    }));
    const done = this.#line.then(() => this.#commit(copied, addedBytesOf(changes)));
    this.#line = done.catch(() => undefined);
    await done;
  }

  async #commit(changes: readonly KvChange[], addedBytes: number): Promise<void> {
    if (this.#isBroken) throw new Error("kv: the disk refused the header of the store, which is unusable now");
    if (this.#late !== undefined) throw new Error(this.#late.refusal);
    if (addedBytes > 0 && this.#lacksRoom(addedBytes)) throw new Error("kv: the store has reached mapBytesMax");
    if (!this.#diskHasRoom(changes.length, addedBytes)) throw new Error("kv: the disk has no room for the commit");
    await this.#inTime(this.#write(changes), KV_COMMIT_MS_MAX + changes.length * KV_CHANGE_MS_MAX);
  }

  /** Rejects after `msMax`, when the commit goes on behind the back of whoever gave it. */
  #inTime(commit: Promise<void>, msMax: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(msMax, () => {
        const refusal = `kv: a commit has not ended for ${Math.round(msMax / second)} s`;
        this.#late = { commit, refusal };
        reject(new Error(refusal));
      });
      const ended = commit.finally(() => {
        timer.cancel();
        this.#late = undefined;
      });
      ended.then(resolve, reject);
    });
  }

  async #write(changes: readonly KvChange[]): Promise<void> {
    const database = this.#database;
    try {
      await database.batch(() => {
        for (const { key, value } of changes) {
          const written = value === undefined ? database.remove(key) : database.put(key, value);
          // It also rejects these beside the batch; unheard, that would end the process.
          written.catch(() => undefined);
        }
      });
    } catch (error) {
      this.#hasRefused = true;
      const cause = causeOfCommitError(error);
      this.#isBroken = !this.#answers();
      throw new Error(`kv: the commit failed${wordsFor(await cause)}`, { cause: error });
    }
    this.#hasRefused = false;
  }

  count(): number {
    return statsOf(this.#database).entryCount;
  }

  async flush(): Promise<void> {
    await this.#line;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#line;
    await this.#late?.commit.catch(() => undefined);
    // Behind a commit that failed the library waits for ever for one that does not. One of nothing never does.
    if (this.#hasRefused && !this.#isBroken) {
      await this.#database.batch(() => undefined).catch(causeOfCommitError);
    }
    await this.#database.close();
    markClosed(this.#directory);
    this.#onClosed();
  }

  /**
   * LMDB refuses to begin any transaction where it knows that its header is not what it should be. One that reads already
   * goes on for the rest of the turn, and would answer.
   */
  #answers(): boolean {
    try {
      this.#database.resetReadTxn();
      statsOf(this.#database);
      return true;
    } catch {
      return false;
    }
  }

  /** Asked before every batch: it takes 2 µs, where a commit takes 30 at least. */
  #diskHasRoom(changeCount: number, addedBytes: number): boolean {
    let wantedBytes = changeCount * pageBytes + 2 * addedBytes;
    if (wantedBytes > largeBatchBytes) {
      const { lastPageNumber, pageSize } = statsOf(this.#database);
      wantedBytes = Math.min(wantedBytes, (lastPageNumber + 1) * pageSize + 2 * addedBytes);
    }
    return freeBytesIn(this.#directory) >= KV_ROOM_BYTES_MIN + wantedBytes;
  }

  #lacksRoom(addedBytes: number): boolean {
    this.#uncheckedBytes += addedBytes;
    if (this.#isFull || this.#uncheckedBytes >= sizeCheckBytes) {
      const { lastPageNumber, pageSize } = statsOf(this.#database);
      this.#isFull = (lastPageNumber + 1) * pageSize + addedBytes > this.#mapBytesMax;
      this.#uncheckedBytes = 0;
    }
    return this.#isFull;
  }
}

type Walked =
  | { readonly database: Database; readonly damage: undefined }
  | { readonly database: Database | undefined; readonly damage: string };

function openWalked(directory: string, mapBytesMax: number, trusted: boolean): Walked {
  let database: Database | undefined;
  try {
    database = openDatabase(directory, mapBytesMax);
    return { database, damage: damageOf(database, directory, trusted) };
  } catch (error) {
    // For want of an inode, say, which nothing has asked for before.
    if (error instanceof Error && "code" in error && error.code === constants.errno.ENOSPC) {
      return { database, damage: diskIsFull };
    }
    return { database, damage: error instanceof Error ? error.message : String(error) };
  }
}

function openDatabase(directory: string, mapBytesMax: number): Database {
  return open<Uint8Array, Uint8Array>({
    path: join(directory, dataName),
    noSubdir: true,
    encoding: "binary",
    keyEncoding: "binary",
    overlappingSync: false,
    // Its implicit batches reject promises that nobody can hear, and gain nothing over `batch`.
    eventTurnBatching: false,
    mapSize: mapBytesMax,
  });
}

/** What is wrong with the store as a whole, found by walking it; `undefined` if nothing. */
function damageOf(database: Database, directory: string, trusted: boolean): string | undefined {
  const { lastPageNumber, pageSize, entryCount } = statsOf(database);
  // Touching a page past the end of the file ends the process.
  const { size } = statSync(join(directory, dataName));
  if (size < (lastPageNumber + 1) * pageSize) return "the file is shorter than its header says";
  const walked = trusted && entryCount > VERIFIED_PAIRS_MAX ? database.getKeysCount({}) : verifiedCount(database);
  return walked === entryCount ? undefined : "the count of entries differs from the entries";
}

/** Throws at the first value that is not what was put, or has another key. */
function verifiedCount(database: Database): number {
  let count = 0;
  for (const { key, value } of database.getRange({})) {
    assertWhole(key, value);
    count += 1;
  }
  return count;
}

/** The library types its statistics as unknown; a store without these numbers is not one. */
function statsOf(database: Database): { lastPageNumber: number; pageSize: number; entryCount: number } {
  const stats: Readonly<Record<string, unknown>> = { ...database.getStats() };
  const numberOf = (name: string): number => {
    const value = stats[name];
    assert(typeof value === "number", `the statistics of a store have a number ${name}`);
    return value;
  };
  return {
    lastPageNumber: numberOf("lastPageNumber"),
    pageSize: numberOf("pageSize"),
    entryCount: numberOf("entryCount"),
  };
}

/**
 * The system's name of why a commit failed, where the library says it. A failed commit carries a promise with its cause that
 * rejects for itself, as a rule in the same turn; unheard, that would end the process.
 */
async function causeOfCommitError(error: unknown): Promise<string | undefined> {
  if (typeof error !== "object" || error === null || !("commitError" in error)) return undefined;
  if (!(error.commitError instanceof Promise)) return undefined;
  const heard = error.commitError.then(() => undefined, errnoOf);
  return await Promise.race([heard, nextTurn(undefined)]);
}

/** LMDB's own codes are below zero. */
function errnoOf(cause: unknown): string | undefined {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "number" && code > 0 ? getSystemErrorName(-code) : undefined;
}

/** Where the disk took only a part of a page LMDB says EIO. */
function wordsFor(errno: string | undefined): string {
  const isLikeFull = errno === undefined || errno === "EIO";
  return `${errno === undefined ? "" : ` (${errno})`}${isLikeFull ? ", as on a full disk" : ""}`;
}

/** A copy. LMDB has no checksums: a byte that turns in its file would be served. */
function withCheck(key: Uint8Array, value: Uint8Array): Uint8Array {
  const stored = Buffer.allocUnsafe(value.length + checkBytes);
  stored.set(value);
  stored.writeUInt32LE(crc32(value, crc32(key)), value.length);
  return stored;
}

/** As a plain `Uint8Array` in memory of its own. */
function checked(key: Uint8Array, stored: Uint8Array): Uint8Array {
  assertWhole(key, stored);
  return plain(stored.subarray(0, stored.length - checkBytes));
}

function assertWhole(key: Uint8Array, stored: Uint8Array): void {
  const end = stored.length - checkBytes;
  const check = crc32(stored.subarray(0, Math.max(0, end)), crc32(key));
  const isWhole =
    stored[end] === (check & 0xff) &&
    stored[end + 1] === ((check >>> 8) & 0xff) &&
    stored[end + 2] === ((check >>> 16) & 0xff) &&
    stored[end + 3] === check >>> 24;
  if (!isWhole) throw new Defect("kv: a value is not what was put");
}

/** As a plain `Uint8Array` in memory of its own: what the library answers with may be a view of its buffers. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
