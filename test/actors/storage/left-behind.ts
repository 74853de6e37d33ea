/**
 * What a dead process leaves: objects that were acknowledged a moment ago, which only the packs know of and nothing has
 * verified.
 */
import assert from "node:assert/strict";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { RECORD_HEADER_BYTES, tableBytes } from "#actors/storage/packs/record.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { GiB } from "#runtime/units.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { put, startStorage } from "#test/actors/storage/storage-kit.ts";

export interface LeftBehind {
  readonly disk: MemoryDisk;
  /** Without a catalog. */
  readonly kv: MemoryKvStores;
  readonly stored: readonly StoredObject[];
}

export const firstPack = "/data/packs/00000001.pack";
/** Where the table of the first record is, or its payload where it has no table. */
export const firstTable: number = PACK_FRONT_BYTES + RECORD_HEADER_BYTES;

/** Where the payload of the first record is, for an object that is one chunk of `sizeBytes`. */
export function firstPayload(sizeBytes: number): number {
  return firstTable + tableBytes(sizeBytes);
}

/** A catalog that knows all that there was: nothing. So no pack can be away. */
export async function catalogOfNothing(): Promise<MemoryKvStores> {
  const kv = memoryKvStores();
  const kit = await startStorage({ kv });
  await kit.actor.stop();
  return kv;
}

/** Puts the objects one after another, and dies with the last acknowledgement. */
export async function leaveBehind(...objects: readonly Uint8Array[]): Promise<LeftBehind> {
  const disk = new MemoryDisk({ capacityBytes: 1 * GiB });
  const life = mortal(disk, memoryKvStores());
  const kit = await startStorage({ disk: life.disk, kv: life.kv });
  const stored: StoredObject[] = [];
  for (const object of objects) {
    const one = await put(kit, object);
    assert(one.ok);
    stored.push(one.value);
  }
  life.kill();
  disk.crash(seededRandom(1), { keepUnsynced: true });
  return { disk, kv: memoryKvStores(), stored };
}
