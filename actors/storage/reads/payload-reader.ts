/** The payload of one record, read in whole segments, each verified before anybody sees it. */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import {
  DIGEST_BYTES,
  decodeHeader,
  digestOfRecord,
  RECORD_HEADER_BYTES,
  SEGMENT_BYTES,
  tableBytes,
} from "#actors/storage/packs/record.ts";
import { corrupt, fillFrom, type ReadTrouble } from "#actors/storage/packs/record-bytes.ts";
import { ok, type Result } from "#runtime/errors.ts";

type Hash = (bytes: Uint8Array) => Uint8Array;

export class PayloadReader {
  readonly entry: CatalogEntry;
  readonly #files: PackFiles;
  readonly #hash: Hash;
  readonly #digest: Digest;
  /** Undefined until the record's front was read. */
  #table: Uint8Array | undefined;

  /** `digest` is that of what is stored under it; the record may hold a shard. */
  constructor(files: PackFiles, hash: Hash, digest: Digest, entry: CatalogEntry) {
    this.#files = files;
    this.#hash = hash;
    this.#digest = digest;
    this.entry = entry;
  }

  /** Fills `target` from `from`, which is where a segment begins; it ends where one does, or the payload. */
  async read(from: number, target: Uint8Array): Promise<Result<void, ReadTrouble>> {
    const { pack, payloadOffset, position } = this.entry;
    const loaded = await this.#load();
    if (!loaded.ok) return loaded;
    const read = await fillFrom(this.#files, this.#digest, pack, target, position + payloadOffset + from);
    if (!read.ok) return read;
    return isVerified(target, from, this.entry, this.#digest, loaded.value, this.#hash) ? ok() : corrupt(this.#digest);
  }

  async #load(): Promise<Result<Uint8Array, ReadTrouble>> {
    if (this.#table !== undefined) return ok(this.#table);
    const loaded = await loadTable(this.#files, this.#hash, this.#digest, this.entry);
    if (loaded.ok) this.#table = loaded.value;
    return loaded;
  }
}

/** The digest of the record's payload: of a shard its own. */
export function payloadDigest(digest: Digest, { shard }: Pick<CatalogEntry, "shard">): Digest {
  return shard?.digest ?? digest;
}

/** The verified segment table of a record; empty where its payload is one segment. */
export async function loadTable(
  files: PackFiles,
  hash: Hash,
  digest: Digest,
  entry: CatalogEntry,
): Promise<Result<Uint8Array, ReadTrouble>> {
  const length = tableBytes(entry.payloadBytes);
  if (length === 0) return ok(new Uint8Array(0));
  const front = new Uint8Array(RECORD_HEADER_BYTES + length);
  const read = await fillFrom(files, digest, entry.pack, front, entry.position);
  if (!read.ok) return read;
  const header = decodeHeader(front, undefined);
  if (header === undefined || digestOfRecord(header) !== payloadDigest(digest, entry)) return corrupt(digest);
  if (header.payloadBytes !== entry.payloadBytes || header.payloadOffset !== entry.payloadOffset) {
    return corrupt(digest);
  }
  const table = front.subarray(RECORD_HEADER_BYTES);
  return Buffer.compare(hash(table), header.tableDigest) === 0 ? ok(table) : corrupt(digest);
}

/** Whether `bytes`, whole segments from `from` on, are those of the record. */
export function isVerified(
  bytes: Uint8Array,
  from: number,
  entry: Pick<CatalogEntry, "payloadBytes" | "shard">,
  digest: Digest,
  table: Uint8Array,
  hash: Hash,
): boolean {
  for (let at = 0; at < bytes.length; at += SEGMENT_BYTES) {
    const found = hash(bytes.subarray(at, at + SEGMENT_BYTES));
    if (entry.payloadBytes <= SEGMENT_BYTES) {
      if (digestFromBytes(found) !== payloadDigest(digest, entry)) return false;
      continue;
    }
    const slot = ((from + at) / SEGMENT_BYTES) * DIGEST_BYTES;
    if (Buffer.compare(table.subarray(slot, slot + DIGEST_BYTES), found) !== 0) return false;
  }
  return true;
}
