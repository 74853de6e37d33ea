/** Keeps as records of their journal: each says all that is known of one object from then on (`specs/formats/keeps.md`). */
import { bytesFromDigest, digestFromBytes } from "#actors/domain/address.ts";
import type { Commit } from "#actors/storage/catalog/catalog-records.ts";
import type { Covered, Keep } from "#actors/storage/keeps/keep.ts";
import { readNumber, writeNumber } from "#actors/storage/packs/record.ts";

/** An address is one name, the root of a manifest another: neither may stand for the other. */
export type KeepName = `${"o" | "m"}${string}`;

export const KEEP_RECORD_BYTES = 144;
const VERSION = 2;
/** Of which a removal covers all commits alike. */
const RECORD_BYTES_OF_VERSION_1 = 128;
const FLAG_REMOVED = 1;
const FLAG_GONE = 2;

/** `keep` undefined: nothing is known of it any more. */
export interface KeepRecord {
  readonly name: KeepName;
  readonly keep: Keep | undefined;
}

/** Of an object with this digest; of ciphertext, which has none, by the root of its manifest. */
export function keepNameOf({ object, manifest }: Pick<Commit, "object" | "manifest">): KeepName {
  return object === undefined ? `m${manifest}` : `o${object}`;
}

export function encodeKeep({ name, keep }: KeepRecord): Uint8Array {
  const bytes = Buffer.alloc(KEEP_RECORD_BYTES);
  const removal = keep?.removal;
  bytes.writeUInt8(VERSION, 0);
  bytes.write(name.slice(0, 1), 1, "latin1");
  bytes.writeUInt8((keep === undefined ? FLAG_GONE : 0) | (removal === undefined ? 0 : FLAG_REMOVED), 2);
  bytes.write(name.slice(1), 8, "hex");
  writeNumber(bytes, keep?.pinnedUntilMs ?? 0, 40);
  writeNumber(bytes, keep?.unpinnedUpTo ?? 0, 48);
  if (removal === undefined) return bytes;
  writeNumber(bytes, removal.upTo, 56);
  writeNumber(bytes, removal.atMs, 64);
  writeNumber(bytes, removal.sizeBytes, 72);
  writeNumber(bytes, removal.buriedUpToPack, 80);
  bytes.set(bytesFromDigest(removal.manifest), 88);
  bytes.writeUInt32LE(removal.grave?.upToPack ?? 0, 4);
  writeNumber(bytes, removal.grave?.upTo ?? 0, 120);
  writeNumber(bytes, removal.lastingUpTo, 128);
  writeNumber(bytes, removal.grave?.lastingUpTo ?? 0, 136);
  return bytes;
}

/** Undefined for what neither this version nor the one before has written. */
export function decodeKeep(record: Uint8Array): KeepRecord | undefined {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  const version = bytes.length === KEEP_RECORD_BYTES ? VERSION : 1;
  if (version === 1 && bytes.length !== RECORD_BYTES_OF_VERSION_1) return undefined;
  if (bytes.readUInt8(0) !== version) return undefined;
  const kind = bytes.toString("latin1", 1, 2);
  if (kind !== "o" && kind !== "m") return undefined;
  const name: KeepName = `${kind}${digestFromBytes(bytes.subarray(8, 40))}`;
  const flags = bytes.readUInt8(2);
  if ((flags & FLAG_GONE) !== 0) return { name, keep: undefined };
  const keep = { pinnedUntilMs: readNumber(bytes, 40), unpinnedUpTo: readNumber(bytes, 48) };
  if ((flags & FLAG_REMOVED) === 0) return { name, keep: { ...keep, removal: undefined } };
  const coveredBy = (upToAt: number, lastingAt: number): Covered => ({
    upTo: readNumber(bytes, upToAt),
    lastingUpTo: readNumber(bytes, version === 1 ? upToAt : lastingAt),
  });
  const grave = { ...coveredBy(120, 136), upToPack: bytes.readUInt32LE(4) };
  const removal = {
    ...coveredBy(56, 128),
    atMs: readNumber(bytes, 64),
    sizeBytes: readNumber(bytes, 72),
    buriedUpToPack: readNumber(bytes, 80),
    manifest: digestFromBytes(bytes.subarray(88, 120)),
    grave: grave.upToPack > 0 ? grave : undefined,
  };
  return { name, keep: { ...keep, removal } };
}
