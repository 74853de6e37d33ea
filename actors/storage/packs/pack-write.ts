/** How records are laid out for writing, and what goes wrong while they are. */
import type { CatalogEntry, ShardName } from "#actors/storage/catalog/catalog-records.ts";
import type { ChunkDigests } from "#actors/storage/chunks/chunk-digester.ts";
import type { KeptCommit } from "#actors/storage/keeps/keep.ts";
import type { OpenPack } from "#actors/storage/packs/pack-pool.ts";
import {
  encodeHeader,
  NO_TABLE,
  type PayloadKind,
  RECORD_ALIGNMENT_BYTES,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  type RecordKind,
  recordEnd,
} from "#actors/storage/packs/record.ts";
import type { StorageFull, WriteFailed } from "#actors/storage/protocol.ts";
import type { Space } from "#actors/storage/space.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { errnoOf } from "#runtime/disk/disk-failure.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

/** What one record holds; `payload` in parts, because uploads hold their bytes in slabs. */
export interface RecordContents {
  readonly kind: RecordKind;
  /** Of a shard: which one, and what is written behind its table. */
  readonly shard?: { readonly name: ShardName; readonly descriptor: Uint8Array } | undefined;
  readonly payload: readonly Uint8Array[];
  readonly digests: ChunkDigests;
  /** Of the record that commits an object. */
  readonly commit?: RecordCommit | undefined;
}

export interface RecordCommit extends KeptCommit {
  /** See `RecordHeader.isSettled`. */
  readonly isSettled?: boolean;
}

const NO_COMMIT: KeptCommit = { sequence: 0, isTransient: false };

/** The `errno` of a put that refers to what was found damaged while it was under way; put again, it is written. */
export const LINK_LOST = "ESTALE";

const NO_DESCRIPTOR = new Uint8Array(0);

const PADDING: readonly Uint8Array[] = Array.from(
  { length: RECORD_ALIGNMENT_BYTES },
  (_, size) => new Uint8Array(size),
);

/** Appends a whole record to `parts`; answers with where it is and where the next one begins. */
export function layOutRecord(
  parts: Uint8Array[],
  pack: OpenPack,
  position: number,
  { kind, shard, payload, digests, commit = NO_COMMIT }: RecordContents,
  digest: Cpu["digest"],
): { readonly entry: CatalogEntry; readonly end: number } {
  const descriptor = shard?.descriptor ?? NO_DESCRIPTOR;
  const payloadOffset = RECORD_HEADER_BYTES + digests.table.length + descriptor.length;
  const header = headerFor(pack, shard === undefined ? kind : "shard", payloadOffset, digests, digest, commit);
  const end = recordEnd(position, header);
  const padding = PADDING[end - position - payloadOffset - digests.lengthBytes] ?? new Uint8Array(0);
  parts.push(encodeHeader(header), digests.table, descriptor, ...payload, padding);
  const { payloadBytes, sequence } = header;
  const place = { pack: pack.pack, position, payloadOffset, payloadBytes, sequence, damage: "none" } as const;
  return { entry: shard === undefined ? { kind, ...place } : { kind, shard: shard.name, ...place }, end };
}

export function headerFor(
  { mark, epoch }: OpenPack,
  kind: PayloadKind,
  payloadOffset: number,
  { table, digest, lengthBytes }: ChunkDigests,
  hash: Cpu["digest"],
  commit: RecordCommit = NO_COMMIT,
): RecordHeader {
  const tableDigest = table.length === 0 ? NO_TABLE : hash(table);
  return { mark, kind, ...commit, epoch, payloadOffset, payloadBytes: lengthBytes, digest, tableDigest };
}

/** What a failed write means to the caller of a put. */
export async function writeFailure(failure: DiskFailure, space: Space): Promise<StorageFull | WriteFailed> {
  if (failure.code === "disk.full") return await space.full();
  return { code: "storage.write-failed", errno: errnoOf(failure) };
}
