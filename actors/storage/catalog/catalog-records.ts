/** What the catalog holds, and how its store keeps it: keys of one letter and a name, values in binary. */
import { bytesFromDigest, type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { type RecordKind, readNumber, writeNumber } from "#actors/storage/packs/record.ts";

/** A store written by another version of this file is rebuilt. */
const CATALOG_VERSION = 8;

/**
 * What is wrong with a record: its bytes are not what was stored, or the disk refuses them, perhaps not for ever. Either way
 * it is not known any more, until its bytes are put again. One that is unreadable may be tried, and is lifted if it holds.
 */
export type Damage = "none" | "differs" | "unreadable";

/** Which shard of its chunk a record holds. */
export interface ShardName {
  /** `k`, of this chunk. */
  readonly dataShards: number;
  readonly parityShards: number;
  /** From 0; data shards come first. */
  readonly shard: number;
  readonly chunkBytes: number;
  /** BLAKE3 of the shard. */
  readonly digest: Digest;
}

/** What a record is known by. */
export interface RecordName {
  readonly kind: RecordKind;
  /** Of the chunk or manifest, also where only a shard of it is held. */
  readonly digest: Digest;
  readonly shard?: ShardName | undefined;
}

export interface CatalogEntry {
  /** What it is known by: a shard is a part of a chunk. */
  readonly kind: RecordKind;
  /** Undefined for the whole of it. */
  readonly shard?: ShardName | undefined;
  readonly pack: number;
  readonly position: number;
  readonly payloadOffset: number;
  readonly payloadBytes: number;
  /** Its newest place in the log of commits; 0 for what commits nothing. */
  readonly sequence: number;
  /**
   * Its record was written with an older commit than this, or with none: while others say this one it is as good, and by itself it
   * is what a removal since then was about.
   */
  readonly isOutdated?: boolean;
  readonly damage: Damage;
}

export type RecordPosition = Pick<CatalogEntry, "kind" | "pack" | "position">;

export interface Commit {
  readonly sequence: number;
  readonly manifest: Digest;
  /** Undefined for ciphertext, which is found by its manifest alone. */
  readonly object: Digest | undefined;
  readonly sizeBytes: number;
  /** It holds its object for no longer than somebody pins it. */
  readonly isTransient: boolean;
}

export interface PackState {
  readonly pack: number;
  readonly mark: Uint8Array;
  /** Everything before it is decided: committed and in the catalog, or dead. */
  readonly checkpoint: number;
  /** Epoch for the next record; 0 where a file was cut, and nobody has looked through what is left of it since. */
  readonly epoch: number;
  /** Records before the checkpoint, dead ones too. */
  readonly recordCount: number;
  readonly sealed: boolean;
  /**
   * Its file was cut by somebody: what is known behind the checkpoint was there, and is served again when it is put back. So
   * nothing is written there as long as that is known.
   */
  readonly isCut?: boolean;
  /** Its file was gone, or cut, and is there again: the next recovery looks through it as through one that is not known. */
  readonly isBack?: boolean;
}

/** Its file is gone, and its records are marked. A pack that has nothing in it is never sealed otherwise. */
export function isGone({ checkpoint, sealed }: Pick<PackState, "checkpoint" | "sealed">): boolean {
  return sealed && checkpoint === PACK_FRONT_BYTES;
}

/** Something that is known of it may not be there any more. */
export function hasLost(state: Pick<PackState, "checkpoint" | "sealed" | "isCut" | "isBack">): boolean {
  return state.isCut === true || state.isBack === true || isGone(state);
}

/** Whether what is at that place of the pack is what it has lost. */
export function isLostAt(state: PackState | undefined, position: number): boolean {
  return state !== undefined && hasLost(state) && position >= state.checkpoint;
}

/** What the catalog knows of itself. */
export interface CatalogMeta {
  /** Everything that packs hold up to their checkpoints is in it. */
  isComplete: boolean;
  /** A commit in it may refer to a record that is not, because it could not be read when the commit was entered. */
  lacksRecords: boolean;
  /** That any commit ever had. */
  highestSequence: number;
  /** In hex. */
  era: string;
  chunkCount: number;
  manifestCount: number;
  storedBytes: number;
  damagedCount: number;
}

const CHUNK = 0x63;
const FORGOTTEN = 0x66;
const HALF = 0x68;
const LOG = 0x6c;
const META = 0x6d;
const NODE = 0x6e;
const PACK = 0x70;
const RID = 0x72;
const USED = 0x75;
const VERIFIED = 0x76;
/** Behind the key of every pack. */
export const PACKS_END: Uint8Array = Uint8Array.of(PACK + 1);
/** Behind the key of every time that a pack was verified. */
export const VERIFIED_END: Uint8Array = Uint8Array.of(VERIFIED + 1);
const META_BYTES = 64;
const ENTRY_BYTES = 36;
/** Of a shard, behind its entry. */
const SHARD_NAME_BYTES = 40;
const CHUNK_ENTRY = 1;
const MANIFEST_ENTRY = 2;
const SHARD_ENTRY = 3;
const DIGEST_BYTES = 32;
/** Of a commit before the digest of its object. */
const COMMIT_BYTES = 41;
/** Of the name of an era. */
export const ERA_BYTES = 8;
export const META_KEY: Uint8Array = Uint8Array.of(META);
/** Of the packs that were forgotten while their files were not all there. */
export const FORGOTTEN_KEY: Uint8Array = Uint8Array.of(FORGOTTEN);
/** As entries are stored: the place of each in the list. */
const DAMAGES: readonly Damage[] = ["none", "differs", "unreadable"];
export const EMPTY_META: Readonly<CatalogMeta> = {
  isComplete: false,
  lacksRecords: false,
  highestSequence: 0,
  era: "0".repeat(2 * ERA_BYTES),
  chunkCount: 0,
  manifestCount: 0,
  storedBytes: 0,
  damagedCount: 0,
};

/** Whether it is the key of what says that the catalog is complete. */
export function isMetaKey(key: Uint8Array): boolean {
  return key.length === 1 && key[0] === META;
}

export function digestKey(kind: RecordKind, digest: Digest): Uint8Array {
  const key = Buffer.allocUnsafe(33);
  key[0] = kind === "chunk" ? CHUNK : NODE;
  key.set(bytesFromDigest(digest), 1);
  return key;
}

/** Keys of everything of a kind, from the first to behind the last. */
export function digestKeys(kind: RecordKind): readonly [from: Uint8Array, to: Uint8Array] {
  const letter = kind === "chunk" ? CHUNK : NODE;
  return [Uint8Array.of(letter), Uint8Array.of(letter + 1)];
}

export function digestOfKey(key: Uint8Array): Digest {
  return digestFromBytes(key.subarray(1));
}

export function logKey(sequence: number): Uint8Array {
  const key = Buffer.allocUnsafe(9);
  key[0] = LOG;
  key.writeBigUInt64BE(BigInt(sequence), 1);
  return key;
}

export function packKey(pack: number): Uint8Array {
  const key = Buffer.allocUnsafe(5);
  key[0] = PACK;
  key.writeUInt32BE(pack, 1);
  return key;
}

export function verifiedKey(pack: number): Uint8Array {
  const key = packKey(pack);
  key[0] = VERIFIED;
  return key;
}

/** Of a volume that was given up, by its slot. */
export function ridKey(slot: number): Uint8Array {
  const key = packKey(slot);
  key[0] = RID;
  return key;
}

/** Of a volume of which not all is known that was, by its slot. */
export function halfKey(slot: number): Uint8Array {
  const key = packKey(slot);
  key[0] = HALF;
  return key;
}

/** Of the pack numbers of a slot that are not given out again. */
export function usedKey(slot: number): Uint8Array {
  const key = packKey(slot);
  key[0] = USED;
  return key;
}

/** As a copy of what another one committed with `sequence`. */
export function standingFor(record: CatalogEntry, sequence: number): CatalogEntry {
  if (record.sequence === sequence) return record;
  return { ...record, sequence, isOutdated: true };
}

/** The newest of them; 0 where none commits anything. */
export function sequenceIn(records: readonly CatalogEntry[]): number {
  return records.reduce((newest, { sequence }) => Math.max(newest, sequence), 0);
}

/** All records of one payload, one behind the other. */
export function encodeEntries(entries: readonly CatalogEntry[]): Uint8Array {
  return Buffer.concat(entries.map(encodeEntry));
}

export function decodeEntries(bytes: Uint8Array): readonly CatalogEntry[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: CatalogEntry[] = [];
  for (let at = 0; at < view.length; ) {
    const length = view.readUInt8(at + 28) === SHARD_ENTRY ? ENTRY_BYTES + SHARD_NAME_BYTES : ENTRY_BYTES;
    entries.push(decodeEntry(view.subarray(at, at + length)));
    at += length;
  }
  return entries;
}

function encodeEntry(entry: CatalogEntry): Uint8Array {
  const { shard } = entry;
  const bytes = Buffer.allocUnsafe(shard === undefined ? ENTRY_BYTES : ENTRY_BYTES + SHARD_NAME_BYTES).fill(0);
  bytes.writeUInt32LE(entry.pack, 0);
  bytes.writeUInt32LE(entry.payloadBytes, 4);
  writeNumber(bytes, entry.position, 8);
  writeNumber(bytes, entry.sequence, 16);
  bytes.writeUInt32LE(entry.payloadOffset, 24);
  bytes.writeUInt8(shard !== undefined ? SHARD_ENTRY : entry.kind === "chunk" ? CHUNK_ENTRY : MANIFEST_ENTRY, 28);
  bytes.writeUInt8(DAMAGES.indexOf(entry.damage), 29);
  bytes.writeUInt8(entry.isOutdated === true ? 1 : 0, 30);
  if (shard === undefined) return bytes;
  bytes.set(bytesFromDigest(shard.digest), 36);
  bytes.writeUInt32LE(shard.chunkBytes, 68);
  bytes.writeUInt8(shard.dataShards, 72);
  bytes.writeUInt8(shard.parityShards, 73);
  bytes.writeUInt8(shard.shard, 74);
  return bytes;
}

function decodeEntry(bytes: Buffer): CatalogEntry {
  const type = bytes.readUInt8(28);
  const entry: CatalogEntry = {
    kind: type === MANIFEST_ENTRY ? "manifest" : "chunk",
    pack: bytes.readUInt32LE(0),
    position: readNumber(bytes, 8),
    payloadOffset: bytes.readUInt32LE(24),
    payloadBytes: bytes.readUInt32LE(4),
    sequence: readNumber(bytes, 16),
    ...(bytes.readUInt8(30) === 0 ? {} : { isOutdated: true }),
    damage: DAMAGES[bytes.readUInt8(29)] ?? "differs",
  };
  if (type !== SHARD_ENTRY) return entry;
  const shard = {
    dataShards: bytes.readUInt8(72),
    parityShards: bytes.readUInt8(73),
    shard: bytes.readUInt8(74),
    chunkBytes: bytes.readUInt32LE(68),
    digest: digestFromBytes(bytes.subarray(36, 68)),
  };
  return { ...entry, shard };
}

export function encodeCommit({ manifest, object, sizeBytes, isTransient }: Commit): Uint8Array {
  const bytes = Buffer.allocUnsafe(COMMIT_BYTES + (object === undefined ? 0 : DIGEST_BYTES));
  bytes.set(bytesFromDigest(manifest), 0);
  writeNumber(bytes, sizeBytes, 32);
  bytes.writeUInt8(isTransient ? 1 : 0, 40);
  if (object !== undefined) bytes.set(bytesFromDigest(object), COMMIT_BYTES);
  return bytes;
}

export function decodeCommit(sequence: number, value: Uint8Array): Commit {
  const view = Buffer.from(value.buffer, value.byteOffset, value.length);
  return {
    sequence,
    manifest: digestFromBytes(view.subarray(0, 32)),
    object: view.length > COMMIT_BYTES ? digestFromBytes(view.subarray(COMMIT_BYTES)) : undefined,
    sizeBytes: readNumber(view, 32),
    isTransient: view.readUInt8(40) === 1,
  };
}

export function encodePack({ mark, checkpoint, epoch, recordCount, sealed, isCut, isBack }: PackState): Uint8Array {
  const bytes = Buffer.alloc(32);
  writeNumber(bytes, checkpoint, 0);
  bytes.writeUInt32LE(epoch, 8);
  bytes.writeUInt32LE(sealed ? 1 : 0, 12);
  bytes.set(mark, 16);
  bytes.writeUInt32LE(recordCount, 24);
  bytes.writeUInt8(isCut === true ? 1 : 0, 28);
  bytes.writeUInt8(isBack === true ? 1 : 0, 29);
  return bytes;
}

export function decodePack(pack: number, bytes: Buffer): PackState {
  return {
    pack,
    checkpoint: readNumber(bytes, 0),
    epoch: bytes.readUInt32LE(8),
    recordCount: bytes.readUInt32LE(24),
    sealed: bytes.readUInt32LE(12) === 1,
    mark: new Uint8Array(bytes.subarray(16, 24)),
    ...(bytes.readUInt8(28) === 0 ? {} : { isCut: true }),
    ...(bytes.readUInt8(29) === 0 ? {} : { isBack: true }),
  };
}

export function encodeMeta(meta: CatalogMeta): Uint8Array {
  const bytes = Buffer.alloc(META_BYTES);
  bytes.writeUInt32LE(CATALOG_VERSION, 0);
  bytes.writeUInt32LE(meta.isComplete ? 1 : 0, 4);
  writeNumber(bytes, meta.chunkCount, 8);
  writeNumber(bytes, meta.manifestCount, 16);
  writeNumber(bytes, meta.storedBytes, 24);
  writeNumber(bytes, meta.damagedCount, 32);
  bytes.writeUInt8(meta.lacksRecords ? 1 : 0, 48);
  writeNumber(bytes, meta.highestSequence, 40);
  bytes.write(meta.era, 56, "hex");
  return bytes;
}

/** Undefined for that of another version. */
export function decodeMeta(value: Uint8Array | undefined): CatalogMeta | undefined {
  if (value?.length !== META_BYTES) return undefined;
  const view = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (view.readUInt32LE(0) !== CATALOG_VERSION) return undefined;
  return {
    isComplete: view.readUInt32LE(4) === 1,
    chunkCount: readNumber(view, 8),
    manifestCount: readNumber(view, 16),
    storedBytes: readNumber(view, 24),
    damagedCount: readNumber(view, 32),
    lacksRecords: view.readUInt8(48) === 1,
    highestSequence: readNumber(view, 40),
    era: view.toString("hex", 56, 56 + ERA_BYTES),
  };
}
