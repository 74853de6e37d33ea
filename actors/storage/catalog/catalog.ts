/**
 * Where everything is: digest to records, the log of commits, and how far each pack's fate is known.
 *
 * A cache: delete it and it is rebuilt from the packs. Entries live in the store, not in objects of the heap; only what
 * was not yet flushed is in memory. A pack's checkpoint moves in the batch that holds the entries behind it, so after a
 * crash everything beyond a checkpoint has to be looked at again, and nothing before it.
 */
import type { Digest } from "#actors/domain/address.ts";
import {
  type CatalogEntry,
  type CatalogMeta,
  type Commit,
  type Damage,
  decodeCommit,
  decodeEntries,
  digestKeys,
  digestOfKey,
  EMPTY_META,
  encodeCommit,
  encodeMeta,
  encodePack,
  logKey,
  META_KEY,
  type PackState,
  packKey,
  type RecordPosition,
  sequenceIn,
  standingFor,
  verifiedKey,
} from "#actors/storage/catalog/catalog-records.ts";
import { readSelf } from "#actors/storage/catalog/catalog-self.ts";
import { holderOf, suffice } from "#actors/storage/catalog/holders.ts";
import { KnownPacks } from "#actors/storage/catalog/known-packs.ts";
import { KvOverlay, OVERLAY_CHANGES_MAX, OVERLAY_WAITING_MAX } from "#actors/storage/catalog/kv-overlay.ts";
import { RecordTable } from "#actors/storage/catalog/record-table.ts";
import { SlotNotes } from "#actors/storage/catalog/slot-notes.ts";
import { UsedNumbers } from "#actors/storage/catalog/used-numbers.ts";
import { type RecordKind, writeNumber } from "#actors/storage/packs/record.ts";
import type { DiskFull } from "#runtime/disk/disk.ts";
import { Defect, fail, ok, type Result } from "#runtime/errors.ts";
import type { Kv } from "#runtime/kv/kv.ts";

/** Entries of one read while all are looked at. */
const PAGE_ENTRIES = 1024;

export interface FoundEntry {
  readonly digest: Digest;
  readonly entry: CatalogEntry;
}

export interface CatalogTotals {
  readonly chunkCount: number;
  readonly manifestCount: number;
  readonly storedBytes: number;
  readonly damagedCount: number;
}

export class Catalog {
  /** Of packs. */
  readonly numbers: UsedNumbers;
  readonly slots: SlotNotes;
  readonly #overlay: KvOverlay;
  readonly #records: RecordTable;
  readonly #isReadable: (pack: number) => boolean;
  readonly #packs = new KnownPacks();
  readonly #meta: CatalogMeta;
  readonly #verifiedAtMs = new Map<number, number>();
  #damageFoundCount = 0;
  #hasUnmarked = false;
  #isDamaged = false;

  /**
   * Reads what the store knows of itself. A store that is new, unfinished, damaged or of another version is not `complete`.
   * `isReadable` says of a pack whether its volume is there now.
   */
  constructor(kv: Kv, isReadable: (pack: number) => boolean = () => true, waitingMax: number = OVERLAY_WAITING_MAX) {
    this.#isReadable = isReadable;
    this.#overlay = new KvOverlay(kv, waitingMax);
    this.#records = new RecordTable(this.#overlay);
    const get = (key: Uint8Array): Uint8Array | undefined => this.#read(() => this.#overlay.get(key));
    const store: Pick<KvOverlay, "get" | "put"> = { get, put: (...change) => this.#overlay.put(...change) };
    this.numbers = new UsedNumbers(store, this.#packs.states);
    this.slots = new SlotNotes(store);
    const { meta, packs, verified } = readSelf(kv) ?? { meta: { ...EMPTY_META }, packs: [], verified: [] };
    for (const [pack, atMs] of verified) this.#verifiedAtMs.set(pack, atMs);
    this.#meta = meta;
    for (const state of packs) this.#packs.set(state);
  }

  /** True when everything that packs hold up to their checkpoints is in here. */
  get complete(): boolean {
    return this.#meta.isComplete;
  }
  /** Its store has to go: something in it is not what was put. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }
  /** A commit in here may refer to a record that is not, because it could not be read when the commit was entered. */
  get lacksRecords(): boolean {
    return this.#meta.lacksRecords;
  }
  get totals(): CatalogTotals {
    return {
      chunkCount: this.#meta.chunkCount,
      manifestCount: this.#meta.manifestCount,
      storedBytes: this.#meta.storedBytes,
      damagedCount: this.#meta.damagedCount,
    };
  }
  /** Some record is known to be damaged: others may be that nobody has read yet. */
  get hasDamage(): boolean {
    return this.#meta.damagedCount > 0 || this.#hasUnmarked;
  }
  /** Why its store does not take what is pending. It stays in memory and is tried again with every flush. */
  get refusal(): string | undefined {
    return this.#overlay.refusal;
  }
  /** Whether there is room for what can be done without. */
  get hasRoomToSpare(): boolean {
    return this.#overlay.hasRoomToSpare;
  }
  /** Records found damaged in this life; it only grows. */
  get damageFoundCount(): number {
    return this.#damageFoundCount;
  }
  /** Of all packs, up to their checkpoints. */
  get packBytes(): number {
    return this.#packs.bytes;
  }
  /** The highest that a commit ever had, also one that recovery rejected. */
  get highestSequence(): number {
    return this.#meta.highestSequence;
  }
  /** In which the commits that it gained were found: a cursor holds only in the era that it was given out in. */
  get era(): string {
    return this.#meta.era;
  }
  get packs(): ReadonlyMap<number, PackState> {
    return this.#packs.states;
  }

  /**
   * All that is recorded under the digest, damaged or not, readable now or not. The kinds are apart: bytes that are a
   * manifest may be stored as an object too, and neither may stand in for the other. What a pack has lost is unreadable, also
   * where there was no room to mark it.
   */
  records(kind: RecordKind, digest: Digest): readonly CatalogEntry[] {
    return this.#packs.asTheyAre(this.#stored(kind, digest));
  }

  #stored(kind: RecordKind, digest: Digest): readonly CatalogEntry[] {
    return this.#read(() => this.#records.get(kind, digest));
  }

  /** The record of all of it; of several the one that is most likely to be read. */
  find(kind: RecordKind, digest: Digest): CatalogEntry | undefined {
    const whole = this.records(kind, digest).filter(({ shard }) => shard === undefined);
    return whole.find((entry) => this.#isServed(entry)) ?? whole.find(({ damage }) => damage === "none") ?? whole[0];
  }

  /** Only what can be read and referred to. */
  findIntact(kind: RecordKind, digest: Digest): CatalogEntry | undefined {
    const entry = this.find(kind, digest);
    return entry !== undefined && this.#isServed(entry) ? entry : undefined;
  }

  /** Records that can be read, as far as anybody knows. */
  served(kind: RecordKind, digest: Digest): readonly CatalogEntry[] {
    return this.records(kind, digest).filter((entry) => this.#isServed(entry));
  }

  /** Whether it can be read and referred to, in one piece or of shards. */
  holds(kind: RecordKind, digest: Digest): boolean {
    return suffice(this.served(kind, digest));
  }

  /** The record in that very place. */
  at(digest: Digest, where: RecordPosition): CatalogEntry | undefined {
    return this.records(where.kind, digest).find((entry) => isAt(entry, where));
  }

  /** Every record in such packs, by looking at all that there are. Whoever looks can give the loop back, or end, after each page. */
  *pagesIn(isMeant: (pack: number) => boolean): Generator<readonly FoundEntry[], void> {
    for (const kind of ["chunk", "manifest"] as const) {
      const [first, end] = digestKeys(kind);
      for (let from = first; ; ) {
        const page = this.#read(() => this.#overlay.range(from, end, PAGE_ENTRIES));
        yield page.flatMap(({ key, value }) => {
          const entries = decodeEntries(value).filter(({ pack }) => isMeant(pack));
          return this.#packs.asTheyAre(entries).map((entry) => ({ digest: digestOfKey(key), entry }));
        });
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE_ENTRIES) break;
        from = Buffer.concat([last.key, Uint8Array.of(0)]);
      }
    }
  }

  /** The record that `entry` would replace. */
  beside(digest: Digest, entry: Pick<CatalogEntry, "kind" | "pack" | "shard">): CatalogEntry | undefined {
    const holder = holderOf(entry);
    return this.records(entry.kind, digest).find((other) => holderOf(other) === holder);
  }

  /** Adds, or replaces what its holder has. The counts follow. */
  insert(digest: Digest, entry: CatalogEntry): void {
    this.#put(entry.kind, digest, this.#withEntry(this.#stored(entry.kind, digest), entry));
  }

  /**
   * Adds the commit record of an object. Of several commits of one manifest the newest is in the log, in whatever order they
   * come: packs are adopted by their number.
   */
  insertCommit(commit: Commit, entry: CatalogEntry): void {
    const { manifest, sequence } = commit;
    const records = this.#stored("manifest", manifest);
    const previous = sequenceIn(records);
    const newest = Math.max(previous, sequence);
    // All copies hold the same: what counts is the newest commit of any.
    const all = this.#withEntry(records, entry).map((record) => standingFor(record, newest));
    this.#put("manifest", manifest, all);
    this.useSequences(sequence);
    if (newest > sequence) return;
    if (previous === 0) this.#meta.manifestCount += 1;
    else if (previous !== sequence) this.#overlay.put(logKey(previous), undefined);
    this.#overlay.put(logKey(sequence), encodeCommit(commit));
  }

  /** The counts follow. */
  #withEntry(records: readonly CatalogEntry[], entry: CatalogEntry): readonly CatalogEntry[] {
    const holder = holderOf(entry);
    const previous = records.find((other) => holderOf(other) === holder);
    if (records.length === 0 && entry.kind === "chunk") this.#meta.chunkCount += 1;
    if (previous === undefined) this.#meta.storedBytes += entry.payloadBytes;
    else if (previous.damage !== "none") this.#meta.damagedCount -= 1;
    if (entry.damage !== "none") this.#meta.damagedCount += 1;
    return previous === undefined ? [...records, entry] : records.map((one) => (one === previous ? entry : one));
  }

  /** Its record is given up: nothing refers to it any more. */
  remove(digest: Digest, where: RecordPosition): void {
    const entry = this.#storedAt(digest, where);
    if (entry === undefined) return;
    const { kind, damage, payloadBytes, sequence } = entry;
    const left = this.#stored(kind, digest).filter((other) => !isAt(other, entry));
    if (damage !== "none") this.#meta.damagedCount -= 1;
    this.#meta.storedBytes -= payloadBytes;
    if (left.length === 0) {
      if (kind === "chunk") this.#meta.chunkCount -= 1;
      if (sequence > 0) {
        this.#meta.manifestCount -= 1;
        this.#overlay.put(logKey(sequence), undefined);
      }
    }
    this.#put(kind, digest, left);
  }

  /** True the first time. What its pack has lost is unreadable, whatever was found in its place. */
  markDamaged(digest: Digest, where: RecordPosition, found: Exclude<Damage, "none">): boolean {
    const entry = this.#storedAt(digest, where);
    const damage = this.#packs.isLost(where) ? "unreadable" : found;
    if (entry === undefined || entry.damage === damage || entry.damage === "differs") return false;
    this.insert(digest, { ...entry, damage });
    if (entry.damage !== "none") return false;
    this.#damageFoundCount += 1;
    return true;
  }

  /** A record was found damaged, and there is no room to mark it. */
  leaveUnmarked(): void {
    this.#hasUnmarked = true;
  }

  /** It was read and holds. True if it was thought unreadable. What its pack has lost is so until a recovery has found it again. */
  lift(digest: Digest, where: RecordPosition): boolean {
    const entry = this.#storedAt(digest, where);
    if (entry?.damage !== "unreadable" || this.#packs.isLost(where)) return false;
    this.insert(digest, { ...entry, damage: "none" });
    return true;
  }

  #storedAt(digest: Digest, where: RecordPosition): CatalogEntry | undefined {
    return this.#stored(where.kind, digest).find((entry) => isAt(entry, where));
  }

  #isServed({ damage, pack }: CatalogEntry): boolean {
    return damage === "none" && this.#isReadable(pack);
  }

  #put(kind: RecordKind, digest: Digest, records: readonly CatalogEntry[]): void {
    this.#records.set(kind, digest, records);
    if (this.#overlay.isFlushDue) void this.flush();
  }

  setPack(state: PackState): void {
    this.#packs.set(state);
    this.#overlay.put(packKey(state.pack), encodePack(state));
  }

  /** When all of the pack was last read and compared, ms since 1970; 0: never. */
  verifiedAtMs(pack: number): number {
    return this.#verifiedAtMs.get(pack) ?? 0;
  }

  setVerified(pack: number, atMs: number): void {
    this.#verifiedAtMs.set(pack, atMs);
    const value = Buffer.alloc(8);
    writeNumber(value, atMs, 0);
    this.#overlay.put(verifiedKey(pack), value);
  }

  removePack(pack: number): void {
    this.numbers.use(pack);
    if (this.#verifiedAtMs.delete(pack)) this.#overlay.put(verifiedKey(pack), undefined);
    this.#packs.delete(pack);
    this.#overlay.put(packKey(pack), undefined);
  }

  /** To be called before the checkpoints are moved: it is in the store with them, or before them. */
  setLacksRecords(lacksRecords: boolean): void {
    this.#meta.lacksRecords = lacksRecords;
  }

  /** Commits may come to light behind the cursors that were given out. */
  beginEra(name: Uint8Array): void {
    this.#meta.era = Buffer.from(name).toString("hex");
  }

  /** No number up to this one is given out again. */
  useSequences(last: number): void {
    this.#meta.highestSequence = Math.max(this.#meta.highestSequence, last);
  }

  setComplete(): void {
    this.#meta.isComplete = true;
    this.#overlay.put(META_KEY, encodeMeta(this.#meta));
  }

  /** The newest commit of the manifest; undefined also for an inner node. */
  commitOf(manifest: Digest): Commit | undefined {
    const sequence = sequenceIn(this.records("manifest", manifest));
    return sequence > 0 ? this.commitAt(sequence) : undefined;
  }

  commitAt(sequence: number): Commit | undefined {
    const value = this.#read(() => this.#overlay.get(logKey(sequence)));
    return value === undefined ? undefined : decodeCommit(sequence, value);
  }

  /** Commits with `after < sequence <= upTo`, oldest first. */
  commits(after: number, upTo: number, limit: number): readonly Commit[] {
    return this.#read(() => this.#overlay.range(logKey(after + 1), logKey(upTo + 1), limit)).map(({ key, value }) =>
      decodeCommit(Number(Buffer.from(key).readBigUInt64BE(1)), value),
    );
  }

  /** Everything so far is in the store when the promise settles, or was refused. */
  flush(): Promise<void> {
    // Summed up when the batch is closed: it also takes what is put while an earlier one is still being written.
    return this.#overlay.flush(() => this.#overlay.put(META_KEY, encodeMeta(this.#meta)));
  }

  /**
   * Holds writers back while far more is pending than a flush takes. Where the store refuses it, nobody waits, until as
   * much is in memory as may be: then there is as little room as on a full disk.
   */
  async room(): Promise<Result<void, DiskFull>> {
    const isBehind = this.#overlay.pendingCount >= 2 * OVERLAY_CHANGES_MAX;
    if (isBehind && this.#overlay.refusal === undefined) await this.flush();
    return this.#overlay.hasRoom ? ok() : fail({ code: "disk.full", path: "catalog" });
  }

  /** It contradicts what is known otherwise. Ends this life; the next one builds a new store. */
  giveUp(why: string): never {
    this.#isDamaged = true;
    throw new Defect(`the catalog is damaged: ${why}`);
  }

  /** What a damaged store says might cut what holds: the defect ends this life, too. */
  #read<Value>(read: () => Value): Value {
    try {
      return read();
    } catch (defect) {
      this.#isDamaged = true;
      throw defect;
    }
  }
}

function isAt(entry: RecordPosition, { pack, position }: RecordPosition): boolean {
  return entry.pack === pack && entry.position === position;
}
