/**
 * The file `VOLUME` at the root of every volume: which one it is, and of which store (`specs/formats/volume.md`).
 *
 * It is what tells a disk from its mount point. Lines of text, so that whoever finds the disk can read whose it is; a CRC,
 * because one that is damaged must not pass for that of another volume.
 */

import { crc32 } from "node:zlib";
import { SLOT_MAX } from "#actors/storage/packs/pack-number.ts";
import { assert } from "#runtime/errors.ts";

export interface VolumeMark {
  /** 16 lower-case hex digits, drawn once and at random. */
  readonly id: string;
  /** 1 … `SLOT_MAX`: its number in this store, never that of another volume. */
  readonly slot: number;
  /** Of the store that the volume belongs to: 32 lower-case hex digits, drawn once and at random. */
  readonly node: string;
}

export const MARK_NAME = "VOLUME";

const ID = /^[0-9a-f]{16}$/;
const NODE = /^[0-9a-f]{32}$/;
const MARK = /^cepa-volume\/1\nid ([0-9a-f]{16})\nslot ([1-9][0-9]{0,3})\nnode ([0-9a-f]{32})\ncrc [0-9a-f]{8}\n$/;

export function isVolumeId(text: string): boolean {
  return ID.test(text);
}

export function isStoreId(text: string): boolean {
  return NODE.test(text);
}

export function isSlot(slot: number): boolean {
  return Number.isInteger(slot) && slot >= 1 && slot <= SLOT_MAX;
}

export function encodeMark({ id, slot, node }: VolumeMark): Uint8Array {
  assert(isVolumeId(id) && isSlot(slot) && isStoreId(node), "a mark is that of a volume");
  return withCrc(`cepa-volume/1\nid ${id}\nslot ${slot}\nnode ${node}\n`);
}

/** Undefined for anything that `encodeMark` has not written. */
export function decodeMark(bytes: Uint8Array): VolumeMark | undefined {
  const [, id, digits, node] = MARK.exec(Buffer.from(bytes).toString("latin1")) ?? [];
  if (id === undefined || digits === undefined || node === undefined) return undefined;
  const mark = { id, slot: Number(digits), node };
  return isSlot(mark.slot) && Buffer.from(bytes).equals(encodeMark(mark)) ? mark : undefined;
}

/** `text`, whose last line has ended, and a line with the CRC-32 of it. */
export function withCrc(text: string): Uint8Array {
  return Buffer.from(`${text}crc ${crc32(text).toString(16).padStart(8, "0")}\n`);
}
