/** What happens to the files of a node that is not running: single bytes turn. */
import assert from "node:assert/strict";
import type { Digest } from "#actors/domain/address.ts";
import {
  decodeSealFooter,
  HEADER_POSITIONS,
  PACK_FRONT_BYTES,
  PACK_HEADER_BYTES,
} from "#actors/storage/packs/pack-format.ts";
import {
  decodeHeader,
  digestOfRecord,
  RECORD_ALIGNMENT_BYTES,
  RECORD_HEADER_BYTES,
} from "#actors/storage/packs/record.ts";
import type { Random } from "#runtime/random.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";

const SEAL_FOOTER_BYTES = 64;

export interface PackOnDisk {
  readonly path: string;
  readonly bytes: Buffer;
}

export async function packsOn(disk: MemoryDisk): Promise<readonly PackOnDisk[]> {
  const listed = await disk.list("/data/packs");
  if (!listed.ok) return [];
  const packs: PackOnDisk[] = [];
  for (const { name, sizeBytes } of listed.value) {
    if (sizeBytes === 0) continue;
    const path = `/data/packs/${name}`;
    const read = await disk.readFile(path);
    assert(read.ok);
    packs.push({ path, bytes: Buffer.from(read.value) });
  }
  return packs;
}

/** A byte of the table or the footer of each sealed pack, or not. Answers with the packs. */
export async function turnSeals(disk: MemoryDisk, random: Random): Promise<readonly string[]> {
  const turned: string[] = [];
  for (const { path, bytes } of await packsOn(disk)) {
    const isChosen = random.below(2) === 0;
    const footer = decodeSealFooter(bytes.subarray(-SEAL_FOOTER_BYTES), bytes.subarray(16, 24));
    if (!isChosen || footer === undefined) continue;
    disk.flipByte(path, footer.tablePosition + random.below(bytes.length - footer.tablePosition));
    turned.push(path);
  }
  return turned;
}

/** Any byte of any pack. Answers with where, and with the digests of the records that it may be part of, dead ones too. */
export async function turnByte(
  disk: MemoryDisk,
  random: Random,
): Promise<{ readonly place: string; readonly hit: ReadonlySet<Digest> } | undefined> {
  const packs = await packsOn(disk);
  const pack = packs[random.below(Math.max(1, packs.length))];
  if (pack === undefined) return undefined;
  const { path, bytes } = pack;
  const range = random.below(4) === 0 ? Math.min(PACK_HEADER_BYTES, bytes.length) : bytes.length;
  let position = random.below(range);
  // Not both headers: with the catalog lost nothing tells any more whose records follow.
  const [, second] = HEADER_POSITIONS;
  if (position >= second && position < second + PACK_HEADER_BYTES) position = 0;
  const hit = new Set<Digest>();
  for (let at = PACK_FRONT_BYTES; at <= position; at += RECORD_ALIGNMENT_BYTES) {
    const header = decodeHeader(bytes.subarray(at, at + RECORD_HEADER_BYTES), undefined);
    if (header !== undefined && position < at + header.payloadOffset + header.payloadBytes) {
      hit.add(digestOfRecord(header));
    }
  }
  disk.flipByte(path, position);
  return { place: `${path}@${position}`, hit };
}
