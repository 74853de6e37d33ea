/**
 * Where everything is: digest to record, the log of commits, and how far each pack's fate is known.
 *
 * A cache: delete it and it is rebuilt from the packs. Entries live in the store, not in objects of the heap; only what
 * was not yet flushed is in memory. A pack's checkpoint moves in the batch that holds the entries behind it, so after a
 * crash everything beyond a checkpoint has to be looked at again, and nothing before it.
 */
import { bytesFromDigest, type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { KvOverlay, OVERLAY_CHANGES_MAX, OVERLAY_WAITING_MAX } from "#actors/storage/kv-overlay.ts";
import { type RecordKind, readNumber, writeNumber } from "#actors/storage/record.ts";
import type { DiskFull } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Kv } from "#runtime/kv/kv.ts";

/** A store written by another version of this file is rebuilt. */
const CATALOG_VERSION = 3;

/**
 * What is wrong with a record: its bytes are not what was stored, or the disk refuses them, perhaps not for ever. Either way
 * it is not known any more, until its bytes are put again. One that is unreadable may be tried, and is lifted if it holds.
 */
export type Damage = "none" | "differs" | "unreadable";

export interface CatalogEntry {
  readonly kind: RecordKind;
  readonly pack: number;
  readonly position: number;
  readonly payloadOffset: number;
  readonly payloadBytes: number;
  /** Its newest place in the log of commits; 0 for what commits nothing. */
  readonly sequence: number;
  readonly damage: Damage;
}

export type RecordPosition = Pick<CatalogEntry, "kind" | "pack" | "position">;

export interface Commit {
  readonly sequence: number;
  readonly manifest: Digest;
  readonly object: Digest;
  readonly sizeBytes: number;
}

export interface PackState {
  readonly pack: number;
  readonly mark: Uint8Array;
  /** Everything before it is decided: committed and in the catalog, or dead. */
  readonly checkpoint: number;
  /** Epoch for the next record. */
  readonly epoch: number;
  /** Records before the checkpoint, dead ones too. */
  readonly recordCount: number;
  readonly sealed: boolean;
}

export interface CatalogTotals {
  readonly chunkCount: number;
  readonly manifestCount: number;
  readonly storedBytes: number;
  readonly damagedCount: number;
}

const CHUNK = 0x63;
const LOG = 0x6c;
const META = 0x6d;
const NODE = 0x6e;
const PACK = 0x70;
const META_BYTES = 72;
/** Of the name of an era. */
export const ERA_BYTES = 8;
const META_KEY = Uint8Array.of(META);
/** As entries are stored: the place of each in the list. */
const DAMAGES: readonly Damage[] = ["none", "differs", "unreadable"];

export class Catalog {
  readonly #overlay: KvOverlay;
  readonly #packs = new Map<number, PackState>();
  #chunkCount = 0;
  #manifestCount = 0;
  #storedBytes = 0;
  #damagedCount = 0;
  #damageFoundCount = 0;
  #era = "0".repeat(2 * ERA_BYTES);
  #lastSequence = 0;
  #highestSequence = 0;
  #complete = false;
  #lacksRecords = false;

  /** Reads what the store knows of itself. A store that is new, unfinished or of another version is not `complete`. */
  constructor(kv: Kv, waitingMax: number = OVERLAY_WAITING_MAX) {
    this.#overlay = new KvOverlay(kv, waitingMax);
    const meta = kv.get(META_KEY);
    if (meta === undefined || meta.length !== META_BYTES) return;
    const view = Buffer.from(meta);
    if (view.readUInt32LE(0) !== CATALOG_VERSION) return;
    this.#complete = view.readUInt32LE(4) === 1;
    this.#lastSequence = readNumber(view, 8);
    this.#chunkCount = readNumber(view, 16);
    this.#manifestCount = readNumber(view, 24);
    this.#storedBytes = readNumber(view, 32);
    this.#damagedCount = readNumber(view, 40);
    this.#lacksRecords = view.readUInt8(48) === 1;
    this.#highestSequence = readNumber(view, 56);
    this.#era = view.toString("hex", 64, 64 + ERA_BYTES);
    for (const { key, value } of kv.range(packKey(0), Uint8Array.of(PACK + 1), 1_000_000)) {
      const state = decodePack(Buffer.from(key).readUInt32BE(1), Buffer.from(value));
      this.#packs.set(state.pack, state);
    }
  }

  /** True when everything that packs hold up to their checkpoints is in here. */
  get complete(): boolean {
    return this.#complete;
  }
  /** A commit in here may refer to a record that is not, because it could not be read when the commit was entered. */
  get lacksRecords(): boolean {
    return this.#lacksRecords;
  }
  get totals(): CatalogTotals {
    return {
      chunkCount: this.#chunkCount,
      manifestCount: this.#manifestCount,
      storedBytes: this.#storedBytes,
      damagedCount: this.#damagedCount,
    };
  }
  /** Some record is known to be damaged: others may be that nobody has read yet. */
  get hasDamage(): boolean {
    return this.#damagedCount > 0;
  }
  /** Why its store does not take what is pending. It stays in memory and is tried again with every flush. */
  get refusal(): string | undefined {
    return this.#overlay.refusal;
  }
  /** Records found damaged in this life; it only grows. */
  get damageFoundCount(): number {
    return this.#damageFoundCount;
  }
  /** The highest sequence that was ever committed. */
  get lastSequence(): number {
    return this.#lastSequence;
  }
  /** The highest that a commit ever had, also one that recovery rejected. */
  get highestSequence(): number {
    return Math.max(this.#highestSequence, this.#lastSequence);
  }
  /** In which the commits that it gained were found: a cursor holds only in the era that it was given out in. */
  get era(): string {
    return this.#era;
  }
  get packs(): ReadonlyMap<number, PackState> {
    return this.#packs;
  }

  /**
   * What is recorded under the digest, damaged or not. The kinds are apart: bytes that are a manifest may be stored as an
   * object too, and neither may stand in for the other.
   */
  find(kind: RecordKind, digest: Digest): CatalogEntry | undefined {
    const value = this.#overlay.get(digestKey(kind, digest));
    return value === undefined ? undefined : decodeEntry(Buffer.from(value.buffer, value.byteOffset, value.length));
  }

  /** Only what can be read and referred to. */
  findIntact(kind: RecordKind, digest: Digest): CatalogEntry | undefined {
    const entry = this.find(kind, digest);
    return entry?.damage === "none" ? entry : undefined;
  }

  /** Adds or replaces. The counts follow. */
  insert(digest: Digest, entry: CatalogEntry): void {
    const previous = this.find(entry.kind, digest);
    if (previous === undefined) {
      if (entry.kind === "chunk") this.#chunkCount += 1;
      this.#storedBytes += entry.payloadBytes;
    } else if (previous.damage !== "none") this.#damagedCount -= 1;
    if (entry.damage !== "none") this.#damagedCount += 1;
    this.#overlay.put(digestKey(entry.kind, digest), encodeEntry(entry));
    this.#flushWhenLarge();
  }

  /** Adds the commit record of an object, and takes an older commit of the same manifest out of the log. */
  insertCommit(commit: Commit, entry: CatalogEntry): void {
    const previous = this.find("manifest", commit.manifest);
    if (previous !== undefined && previous.sequence > 0) this.#overlay.put(logKey(previous.sequence), undefined);
    else this.#manifestCount += 1;
    this.insert(commit.manifest, { ...entry, sequence: commit.sequence });
    this.#overlay.put(logKey(commit.sequence), encodeCommit(commit));
    this.#lastSequence = Math.max(this.#lastSequence, commit.sequence);
  }

  /** True the first time. */
  markDamaged(digest: Digest, where: RecordPosition, damage: Exclude<Damage, "none">): boolean {
    const entry = this.#findAt(digest, where);
    if (entry === undefined || entry.damage === damage || entry.damage === "differs") return false;
    this.insert(digest, { ...entry, damage });
    if (entry.damage !== "none") return false;
    this.#damageFoundCount += 1;
    return true;
  }

  /** It was read and holds. True if it was thought unreadable. */
  lift(digest: Digest, where: RecordPosition): boolean {
    const entry = this.#findAt(digest, where);
    if (entry?.damage !== "unreadable") return false;
    this.insert(digest, { ...entry, damage: "none" });
    return true;
  }

  /** Undefined where it was healed in the meantime: the reader saw the old copy. */
  #findAt(digest: Digest, { kind, pack, position }: RecordPosition): CatalogEntry | undefined {
    const entry = this.find(kind, digest);
    return entry?.pack === pack && entry.position === position ? entry : undefined;
  }

  setPack(state: PackState): void {
    this.#packs.set(state.pack, state);
    this.#overlay.put(packKey(state.pack), encodePack(state));
  }

  removePack(pack: number): void {
    this.#packs.delete(pack);
    this.#overlay.put(packKey(pack), undefined);
  }

  /** To be called before the checkpoints are moved: it is in the store with them, or before them. */
  setLacksRecords(lacksRecords: boolean): void {
    this.#lacksRecords = lacksRecords;
  }

  /** Commits may come to light behind the cursors that were given out. */
  beginEra(name: Uint8Array): void {
    this.#era = Buffer.from(name).toString("hex");
  }

  /** No number up to this one is given out again. */
  useSequences(last: number): void {
    this.#highestSequence = Math.max(this.#highestSequence, last);
  }

  setComplete(): void {
    this.#complete = true;
    this.#overlay.put(META_KEY, this.#encodeMeta());
  }

  commitAt(sequence: number): Commit | undefined {
    const value = this.#overlay.get(logKey(sequence));
    return value === undefined ? undefined : decodeCommit(sequence, value);
  }

  /** Commits with `after < sequence <= upTo`, oldest first. */
  commits(after: number, upTo: number, limit: number): readonly Commit[] {
    return this.#overlay
      .range(logKey(after + 1), logKey(upTo + 1), limit)
      .map(({ key, value }) => decodeCommit(Number(Buffer.from(key).readBigUInt64BE(1)), value));
  }

  /** Everything so far is in the store when the promise settles, or was refused. */
  flush(): Promise<void> {
    // Summed up when the batch is closed: it also takes what is put while an earlier one is still being written.
    return this.#overlay.flush(() => this.#overlay.put(META_KEY, this.#encodeMeta()));
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

  #flushWhenLarge(): void {
    if (this.#overlay.refusal !== undefined) return;
    if (this.#overlay.pendingCount === OVERLAY_CHANGES_MAX) void Promise.resolve().then(() => this.flush());
  }

  #encodeMeta(): Uint8Array {
    const bytes = Buffer.alloc(META_BYTES);
    bytes.writeUInt32LE(CATALOG_VERSION, 0);
    bytes.writeUInt32LE(this.#complete ? 1 : 0, 4);
    writeNumber(bytes, this.#lastSequence, 8);
    writeNumber(bytes, this.#chunkCount, 16);
    writeNumber(bytes, this.#manifestCount, 24);
    writeNumber(bytes, this.#storedBytes, 32);
    writeNumber(bytes, this.#damagedCount, 40);
    bytes.writeUInt8(this.#lacksRecords ? 1 : 0, 48);
    writeNumber(bytes, this.highestSequence, 56);
    bytes.write(this.#era, 64, "hex");
    return bytes;
  }
}

/** Whether it is the key of what says that the catalog is complete. */
export function isMetaKey(key: Uint8Array): boolean {
  return key.length === 1 && key[0] === META;
}

function digestKey(kind: RecordKind, digest: Digest): Uint8Array {
  const key = Buffer.allocUnsafe(33);
  key[0] = kind === "chunk" ? CHUNK : NODE;
  key.set(bytesFromDigest(digest), 1);
  return key;
}

function logKey(sequence: number): Uint8Array {
  const key = Buffer.allocUnsafe(9);
  key[0] = LOG;
  key.writeBigUInt64BE(BigInt(sequence), 1);
  return key;
}

function packKey(pack: number): Uint8Array {
  const key = Buffer.allocUnsafe(5);
  key[0] = PACK;
  key.writeUInt32BE(pack, 1);
  return key;
}

function encodeEntry(entry: CatalogEntry): Uint8Array {
  const bytes = Buffer.alloc(36);
  bytes.writeUInt32LE(entry.pack, 0);
  bytes.writeUInt32LE(entry.payloadBytes, 4);
  writeNumber(bytes, entry.position, 8);
  writeNumber(bytes, entry.sequence, 16);
  bytes.writeUInt32LE(entry.payloadOffset, 24);
  bytes.writeUInt8(entry.kind === "chunk" ? 1 : 2, 28);
  bytes.writeUInt8(DAMAGES.indexOf(entry.damage), 29);
  return bytes;
}

function decodeEntry(bytes: Buffer): CatalogEntry {
  return {
    kind: bytes.readUInt8(28) === 1 ? "chunk" : "manifest",
    pack: bytes.readUInt32LE(0),
    position: readNumber(bytes, 8),
    payloadOffset: bytes.readUInt32LE(24),
    payloadBytes: bytes.readUInt32LE(4),
    sequence: readNumber(bytes, 16),
    damage: DAMAGES[bytes.readUInt8(29)] ?? "differs",
  };
}

function encodeCommit({ manifest, object, sizeBytes }: Commit): Uint8Array {
  const bytes = Buffer.alloc(72);
  bytes.set(bytesFromDigest(manifest), 0);
  bytes.set(bytesFromDigest(object), 32);
  writeNumber(bytes, sizeBytes, 64);
  return bytes;
}

function decodeCommit(sequence: number, value: Uint8Array): Commit {
  const view = Buffer.from(value.buffer, value.byteOffset, value.length);
  return {
    sequence,
    manifest: digestFromBytes(view.subarray(0, 32)),
    object: digestFromBytes(view.subarray(32, 64)),
    sizeBytes: readNumber(view, 64),
  };
}

function encodePack({ mark, checkpoint, epoch, recordCount, sealed }: PackState): Uint8Array {
  const bytes = Buffer.alloc(32);
  writeNumber(bytes, checkpoint, 0);
  bytes.writeUInt32LE(epoch, 8);
  bytes.writeUInt32LE(sealed ? 1 : 0, 12);
  bytes.set(mark, 16);
  bytes.writeUInt32LE(recordCount, 24);
  return bytes;
}

function decodePack(pack: number, bytes: Buffer): PackState {
  return {
    pack,
    checkpoint: readNumber(bytes, 0),
    epoch: bytes.readUInt32LE(8),
    recordCount: bytes.readUInt32LE(24),
    sealed: bytes.readUInt32LE(12) === 1,
    mark: new Uint8Array(bytes.subarray(16, 24)),
  };
}
