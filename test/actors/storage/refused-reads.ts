/** What tests of a disk that refuses share: reads that fail as told, and lives of a process on one disk. */
import assert from "node:assert/strict";
import type { StorageConfig } from "#actors/storage/config.ts";
import { PACK_HEADER_BYTES } from "#actors/storage/packs/pack-format.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { type ExitReason, fail } from "#runtime/errors.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import type { MemoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB } from "#runtime/units.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, type StorageKit, startStorage, whole } from "#test/actors/storage/storage-kit.ts";

/** What a disk is asked: descriptor, buffer, position. */
export type Read = Parameters<Disk["read"]>;

/** Reads that `isRefused` names fail with `errno`, until the undo is called. */
export function refuseReads(
  disk: MemoryDisk,
  isRefused: (path: string, ...read: Read) => boolean,
  errno = "EIO",
): () => void {
  const paths = new Map<number, string>();
  const [open, read] = [disk.open.bind(disk), disk.read.bind(disk)];
  disk.open = async (path, mode) => {
    const opened = await open(path, mode);
    if (opened.ok) paths.set(opened.value, path);
    return opened;
  };
  disk.read = async (...asked) => {
    const path = paths.get(asked[0]) ?? "";
    return isRefused(path, ...asked) ? fail({ code: "disk.broken", path, errno }) : await read(...asked);
  };
  return () => {
    disk.read = read;
    disk.open = open;
  };
}

/** True for reads of `path` that touch the byte at `position`. */
export function touching(path: string, position: number): (path: string, ...read: Read) => boolean {
  return (asked, _descriptor, into, from) => asked === path && from <= position && position < from + into.length;
}

/** True for reads of the header of the first pack: then it is set aside, though all of its records can be read. */
export function isFirstHeader(path: string, _descriptor: number, into: Uint8Array, position: number): boolean {
  return path === firstPack && position === 0 && into.length === PACK_HEADER_BYTES;
}

/** True for reads of a scan of `path`, but for its very first: sealing scans, and so does recovery. */
export function isScanOf(path: string): (path: string, ...read: Read) => boolean {
  return (asked, _descriptor, into, from) => asked === path && into.length === 64 * KiB && from > 0;
}

/** Of every pack, by its name. */
export async function sizes(disk: MemoryDisk): Promise<ReadonlyMap<string, number>> {
  const listed = await disk.list("/data/packs");
  assert(listed.ok);
  return new Map(listed.value.map(({ name, sizeBytes }) => [name, sizeBytes]));
}

/** Long enough for what is under way on a disk without delays. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Of a start whose rebuild fails beside the traffic. */
export async function exitOf(kit: StorageKit): Promise<ExitReason | undefined> {
  for (let attempt = 0; attempt < 20 && kit.exits.length === 0; attempt += 1) {
    await turns();
    await kit.clock.advance(1);
  }
  return kit.exits[0];
}

/** What outlives a process. */
export interface World {
  readonly disk: MemoryDisk;
  readonly kv: MemoryKvStores;
  readonly config?: Partial<StorageConfig>;
}

/** A process that dies at the end, with what it has written in the system's cache. */
export async function life<Value>(
  { disk, kv, config = {} }: World,
  work: (kit: StorageKit) => Promise<Value>,
): Promise<Value> {
  const mortals = mortal(disk, kv);
  const kit = await startStorage({ disk: mortals.disk, kv: mortals.kv, config });
  await whole(kit);
  const value = await work(kit);
  mortals.kill();
  disk.crash(seededRandom(1), { keepUnsynced: true });
  kv.crash(seededRandom(1));
  return value;
}

/** Puts, where a refusal fails the test. */
export async function stored(kit: StorageKit, bytes: Uint8Array): Promise<StoredObject> {
  const done = await put(kit, bytes);
  assert(done.ok, JSON.stringify(done));
  return done.value;
}

/** Each object reads as `bytes` at its index. */
export async function mustHold(
  kit: StorageKit,
  objects: readonly StoredObject[],
  bytes: readonly Uint8Array[],
): Promise<void> {
  for (const [index, { manifest }] of objects.entries()) {
    assert.deepEqual(Buffer.from(await mustRead(kit.ref, manifest, `object ${index}`)), bytes[index]);
  }
}
