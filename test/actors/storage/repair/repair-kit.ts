/** Repair by the second: six volumes, and what is read and written on them meanwhile. */
import assert from "node:assert/strict";
import { bytesFromDigest, type Digest } from "#actors/domain/address.ts";
import { decodeManifest, type ManifestLink } from "#actors/domain/manifest.ts";
import type { RepairFacts } from "#actors/domain/volumes-facts.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { VolumeSettings } from "#actors/storage/open-store.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { put, randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { facts, pull } from "#test/actors/storage/volumes/spread-kit.ts";
import { testMachine } from "#test/kit/actor.ts";

export const volumes: VolumeSettings = {
  directories: ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"],
  erasure: { dataShards: 4, parityShards: 2 },
};
/** One chunk, of four data shards over six volumes, and of three over five. */
export const OBJECT_BYTES: number = 400 * KiB;
/** Of what passes between two looks at the store. */
const STEP_MS = 20;

/** The same volumes in every test, whichever ran before. */
const SEED = 1;

/** Bytes that were read from a pack, or written to one. */
export interface Moved {
  readonly atMs: number;
  readonly bytes: number;
  /** Undefined for a read. */
  readonly written: Buffer | undefined;
}

export interface RepairKit extends StorageKit {
  /** Of the volumes, since the last time that it was emptied. */
  readonly moved: Moved[];
}

/** Packs are not sealed, which reads them: in the first minute all that is moved while nothing is put is moved by repair. */
export async function startSix(config: Partial<StorageConfig> = {}): Promise<RepairKit> {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  assert((await disk.makeDirectory("/pulled")).ok);
  const moved: Moved[] = [];
  const packs = new Set<number>();
  const [open, read, write] = [disk.open.bind(disk), disk.read.bind(disk), disk.write.bind(disk)];
  disk.open = async (path, mode) => {
    const opened = await open(path, mode);
    if (opened.ok && /^\/v\d\/packs\//.test(path)) packs.add(opened.value);
    return opened;
  };
  disk.read = async (descriptor, into, position) => {
    const done = await read(descriptor, into, position);
    if (packs.has(descriptor)) moved.push({ atMs: kit.clock.nowMs(), bytes: into.length, written: undefined });
    return done;
  };
  disk.write = async (descriptor, parts, position) => {
    const written = Buffer.concat(parts);
    if (packs.has(descriptor)) moved.push({ atMs: kit.clock.nowMs(), bytes: written.length, written });
    return await write(descriptor, parts, position);
  };
  const own = { packSealBytes: 64 * MiB, writeQuotaBytes: 64 * MiB, ...config };
  const kit = await startStorage({ disk, volumes, config: own, machine: testMachine(undefined, SEED) });
  await passed(kit, 100);
  return Object.assign(kit, { moved });
}

/** So much time, in steps that leave whatever goes on enough turns of the loop to be done in time. */
export async function passed(kit: StorageKit, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += STEP_MS) {
    await kit.clock.advance(STEP_MS);
    for (let turn = 0; turn < 4; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Until repair rests: how long that took. */
export async function repaired(kit: StorageKit, maxMs: number): Promise<number> {
  const fromMs = kit.clock.nowMs();
  while ((await repairOf(kit)).state === "running") {
    assert(kit.clock.nowMs() - fromMs < maxMs, `repair goes on: ${JSON.stringify(await repairOf(kit))}`);
    await passed(kit, STEP_MS);
  }
  return kit.clock.nowMs() - fromMs;
}

export async function repairOf(kit: StorageKit): Promise<RepairFacts> {
  return (await facts(kit)).repair;
}

export async function order(kit: StorageKit, action: "now" | "pause" | "resume"): Promise<void> {
  assert((await kit.ref.call("repair", { action }, within)).ok);
}

/** Answers when repair has begun to make again what it held. */
export async function lose(kit: RepairKit, directory: string): Promise<void> {
  await pull(kit, directory);
  const before = await repairOf(kit);
  kit.moved.length = 0;
  await order(kit, "now");
  for (let step = 0; step < 1000; step += 1) {
    await passed(kit, STEP_MS);
    const { backlogCount, repairedCount } = await repairOf(kit);
    if (backlogCount > before.backlogCount || repairedCount > before.repairedCount) return;
  }
  assert.fail("repair begins");
}

/** The chunks of each. */
export async function putObjects(kit: StorageKit, sizeBytes: number, seeds: readonly number[]): Promise<Digest[]> {
  const chunks: Digest[] = [];
  for (const seed of seeds) {
    const stored = must(await put(kit, randomBytes(sizeBytes, seed)), "it is stored");
    chunks.push(...(await linksOf(kit, stored.manifest)).map(({ digest }) => digest));
  }
  return chunks;
}

async function linksOf(kit: StorageKit, manifest: Digest): Promise<readonly ManifestLink[]> {
  const bytes = must(await kit.ref.call("getManifest", { root: manifest }, within), "it has a manifest");
  return must(decodeManifest(bytes), "it is one").links;
}

/** The places in what was moved at which shards of these chunks were written. */
export function writesOf(moved: readonly Moved[], chunks: readonly Digest[]): readonly number[] {
  return [...moved.entries()].flatMap(([at, { written }]) =>
    written !== undefined && chunks.some((chunk) => shardAt(written, chunk) >= 0) ? [at] : [],
  );
}

/** Where the payload of a shard of it begins in these bytes, or soon after; -1: nowhere. */
export function shardAt(bytes: Buffer, chunk: Digest): number {
  // Magic, numbers and length of the chunk are in front of its digest in a descriptor: manifests name it too.
  const front = Buffer.from("CpaS");
  for (let at = 0; ; ) {
    at = bytes.indexOf(bytesFromDigest(chunk), at);
    if (at < 0) return -1;
    if (at >= 12 && bytes.compare(front, 0, 4, at - 12, at - 8) === 0) return at + 1 * KiB;
    at += 1;
  }
}
