/** Every place of a pack where something begins or ends: where a bit can turn, and where the file can be cut. */
import assert from "node:assert/strict";
import type { Digest } from "#actors/domain/address.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import {
  HEADER_POSITIONS,
  PACK_FRONT_BYTES,
  PACK_HEADER_BYTES,
  SEAL_ENTRY_BYTES,
  SEAL_FOOTER_BYTES,
} from "#actors/storage/packs/pack-format.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import { type FoundRecord, readFront, readSeal, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import { DIGEST_BYTES, RECORD_HEADER_BYTES, recordEnd, tableBytes } from "#actors/storage/packs/record.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";

/** What a bit turns in. The front, the seal, and what lies between records, cost nobody an object. */
export const PARTS = ["front", "header", "table", "descriptor", "gap", "payload", "padding", "seal"] as const;
export type Part = (typeof PARTS)[number];

export interface Place {
  readonly path: string;
  readonly position: number;
  readonly part: Part;
  /** What the record holds, or holds a shard of; undefined outside of records. */
  readonly digest: Digest | undefined;
}

export interface PackMap {
  readonly path: string;
  readonly isSealed: boolean;
  /** In order. */
  readonly places: readonly Place[];
  /** Sizes to cut it to: within the front, at the borders of each record and its parts, and in its seal. */
  readonly cuts: readonly number[];
  /** Where each record ends, and what it holds. */
  readonly ends: readonly { readonly end: number; readonly digest: Digest }[];
}

/** Where fields begin (`specs/formats/pack.md`, `specs/formats/shards.md`). */
const PACK_HEADER_FIELDS = [0, 8, 12, 16, 24, 60];
const RECORD_FIELDS = [0, 4, 5, 6, 8, 16, 20, 24, 28, 32, 40, 48, 80, 112, 124];
const DESCRIPTOR_FIELDS = [0, 4, 5, 6, 7, 8, 12, 44];
const ENTRY_FIELDS = [0, 32, 40, 44, 46, 47, 48, 56, 88];
const FOOTER_FIELDS = [0, 8, 16, 20, 24, 56, 60];

/** The packs of one directory, which are all of one slot. */
export async function mapPacks(disk: MemoryDisk, packs: string): Promise<readonly PackMap[]> {
  const listed = await disk.list(packs);
  assert(listed.ok);
  const maps: PackMap[] = [];
  for (const { name, sizeBytes } of listed.value) {
    const pack = Number.parseInt(name, 16);
    const files = new PackFiles(disk, packs, 2, { slots: [slotOf(pack)], directoryOf: () => packs });
    maps.push(await mapPack(files, pack, sizeBytes));
    await files.close();
  }
  return maps;
}

async function mapPack(files: PackFiles, pack: number, sizeBytes: number): Promise<PackMap> {
  const { mark } = await readFront(files, pack, mustBeReadable);
  assert(mark !== undefined, "a pack that nothing has happened to has its header");
  const seal = await readSeal(files, pack, mark, sizeBytes, mustBeReadable);
  const path = files.pathOf(pack);
  const front = HEADER_POSITIONS.flatMap((at) => offsets(at, PACK_HEADER_FIELDS));
  const places = [...front, PACK_HEADER_BYTES, PACK_FRONT_BYTES - 1].map((at) => place(path, at, "front"));
  const ends: PackMap["ends"][number][] = [];
  const cuts = new Set([0, PACK_HEADER_BYTES, ...HEADER_POSITIONS, PACK_FRONT_BYTES, sizeBytes - 1]);
  for await (const record of scanRecords(
    files,
    pack,
    mark,
    PACK_FRONT_BYTES,
    seal?.tablePosition ?? sizeBytes,
    mustBeReadable,
  )) {
    const { position, header, name } = record;
    places.push(...placesOf(path, record, sizeBytes));
    const payloadAt = position + header.payloadOffset;
    const end = payloadAt + header.payloadBytes;
    for (const at of [position, position + RECORD_HEADER_BYTES, payloadAt, payloadAt + 1, end - 1, end]) cuts.add(at);
    ends.push({ end, digest: name.digest });
  }
  if (seal !== undefined) {
    const entries = Array.from(
      { length: seal.entryCount },
      (_, entry) => seal.tablePosition + entry * SEAL_ENTRY_BYTES,
    );
    const footerAt = sizeBytes - SEAL_FOOTER_BYTES;
    const fields = [...entries.flatMap((at) => offsets(at, ENTRY_FIELDS)), ...offsets(footerAt, FOOTER_FIELDS)];
    places.push(...fields.map((at) => place(path, at, "seal")));
    for (const at of [...entries, footerAt]) cuts.add(at);
  }
  const inside = [...cuts].filter((at) => at < sizeBytes).sort((one, other) => one - other);
  return { path, isSealed: seal !== undefined, places, cuts: inside, ends };
}

function placesOf(path: string, { position, header, name }: FoundRecord, sizeBytes: number): readonly Place[] {
  const { payloadBytes, payloadOffset, kind } = header;
  const tableAt = position + RECORD_HEADER_BYTES;
  const behindTable = tableAt + tableBytes(payloadBytes);
  const payloadAt = position + payloadOffset;
  const end = payloadAt + payloadBytes;
  const next = Math.min(recordEnd(position, header), sizeBytes);
  const table = behindTable > tableAt ? [tableAt, behindTable - DIGEST_BYTES, behindTable - 1] : [];
  const isShard = kind === "shard";
  const between = payloadAt > behindTable ? [behindTable, payloadAt - 1] : [];
  const descriptor = isShard ? [...offsets(behindTable, DESCRIPTOR_FIELDS), ...between] : [];
  const inPayload = [payloadAt, payloadAt + Math.floor(payloadBytes / 2), end - 1];
  const payload = payloadBytes > 0 ? [...new Set(inPayload)] : [];
  const all: readonly (readonly [Part, readonly number[]])[] = [
    ["header", offsets(position, RECORD_FIELDS)],
    ["table", table],
    ["descriptor", descriptor],
    ["gap", isShard ? [] : between],
    ["payload", payload],
    ["padding", next > end ? [end] : []],
  ];
  return all.flatMap(([part, positions]) => positions.map((at) => place(path, at, part, name.digest)));
}

function place(path: string, position: number, part: Part, digest?: Digest): Place {
  return { path, position, part, digest };
}

function offsets(from: number, fields: readonly number[]): readonly number[] {
  return fields.map((field) => from + field);
}
