/** A small store of every kind of record, which is damaged in one place after another; and what must hold then. */
import assert from "node:assert/strict";
import type { Digest } from "#actors/domain/address.ts";
import { decodeManifest } from "#actors/domain/manifest.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { VolumeSettings } from "#actors/storage/open-store.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { Frozen } from "#test/actors/storage/decay/frozen.ts";
import { mapPacks, type PackMap, type Place } from "#test/actors/storage/decay/places.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";

export interface Held {
  readonly bytes: Uint8Array;
  readonly manifest: Digest;
  /** Of all that it consists of. */
  readonly digests: ReadonlySet<Digest>;
}

export interface Layout {
  readonly config: Partial<StorageConfig>;
  readonly volumes?: VolumeSettings;
  /** Where its packs are. */
  readonly directories: readonly string[];
  readonly sizes: readonly number[];
}

export interface SmallStore {
  readonly layout: Layout;
  readonly frozen: Frozen;
  readonly held: readonly Held[];
  readonly packs: readonly PackMap[];
}

/** What a read that is refused says. */
const CLEAR = new Set(["storage.corrupt", "storage.chunk-not-found", "storage.manifest-not-found"]);

/** Some packs are sealed and one is not, whatever the layout. */
export async function smallStore(layout: Layout): Promise<SmallStore> {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  const kv = memoryKvStores({ disk });
  const kit = await startStorage({ ...settings(layout), disk, kv });
  const held: Held[] = [];
  for (const [seed, sizeBytes] of layout.sizes.entries()) {
    const bytes = randomBytes(sizeBytes, seed);
    const stored = await put(kit, bytes);
    assert(stored.ok, JSON.stringify(stored));
    const { manifest } = stored.value;
    const root = await kit.ref.call("getManifest", { root: manifest }, within);
    assert(root.ok);
    const decoded = decodeManifest(root.value);
    assert(decoded.ok && decoded.value.linkKind === "chunk");
    held.push({ bytes, manifest, digests: new Set([manifest, ...decoded.value.links.map(({ digest }) => digest)]) });
  }
  await turns(200);
  await kit.actor.stop();
  const packs: PackMap[] = [];
  for (const directory of layout.directories) packs.push(...(await mapPacks(disk, directory)));
  assert(packs.some(({ isSealed }) => isSealed) && packs.some(({ isSealed }) => !isSealed), "of both kinds");
  return { layout, frozen: await Frozen.of(disk, kv), held, packs };
}

function settings({ config, volumes }: Layout): Pick<Layout, "config" | "volumes"> {
  return { config, ...(volumes === undefined ? {} : { volumes }) };
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Damage to a store that nobody uses. */
export type Damage = (disk: MemoryDisk) => Promise<void> | void;

export function flipAt({ path, position }: Place): Damage {
  // Another bit at every place, and every bit somewhere.
  return (disk) => disk.flipByte(path, position, 1 << ((position * 5 + (position >> 3)) % 8));
}

export function cutAt(path: string, sizeBytes: number): Damage {
  return async (disk) => {
    const opened = await disk.open(path, "write");
    assert(opened.ok);
    assert((await disk.truncate(opened.value, sizeBytes)).ok);
    assert((await disk.sync(opened.value)).ok);
    assert((await disk.close(opened.value)).ok);
  };
}

/**
 * Starts the store with the damage done. Each object has its bytes or, where it consists of what `lost` names, is refused
 * in clear words and healed by being put again; also for a start that has the packs alone. Answers with how many were.
 */
export async function survive(
  { layout, frozen, held }: SmallStore,
  { damage, lost, catalog }: { damage: readonly Damage[]; lost: ReadonlySet<Digest>; catalog: boolean },
  where: string,
  heal: (kit: StorageKit) => Promise<void> = async () => undefined,
): Promise<number> {
  const { disk, kv } = await frozen.thaw({ catalog });
  for (const done of damage) await done(disk);
  const kit = await startStorage({ ...settings(layout), disk, kv });
  await whole(kit);
  const listed = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
  assert(listed.ok, `${where}: ${JSON.stringify(listed)}`);
  const said = new Set(listed.value.entries.map((entry) => entry.manifest));
  const known = new Set(held.map(({ manifest }) => manifest));
  assert(
    [...said].every((manifest) => known.has(manifest)),
    `${where}: nothing else is listed`,
  );
  for (const { manifest, digests } of held) {
    assert(said.has(manifest) || share(digests, lost), `${where}: what has lost nothing is listed`);
  }
  const refused: Held[] = [];
  for (const object of held) if (!(await isServed(kit, object, lost, where))) refused.push(object);
  for (const object of refused) {
    assert((await put(kit, object.bytes)).ok, `${where}: it can be put again`);
    assert(await isServed(kit, object, NOTHING, `${where}, put again`));
  }
  await heal(kit);
  assert.deepEqual(kit.exits, [], where);
  await kit.actor.stop();
  if (refused.length > 0) {
    kv.remove("/data/catalog");
    const next = await startStorage({ ...settings(layout), disk, kv });
    await whole(next);
    await mustServe(next, held, `${where}, healed and started again`);
    await next.actor.stop();
  }
  // What ran is kept by the runner until the test ends.
  const roots = await disk.list("/");
  assert(roots.ok);
  for (const { name } of roots.value) await disk.removeTree(`/${name}`);
  return refused.length;
}

function share(digests: ReadonlySet<Digest>, others: ReadonlySet<Digest>): boolean {
  return [...digests].some((digest) => others.has(digest));
}

const NOTHING: ReadonlySet<Digest> = new Set();

export async function mustServe(kit: StorageKit, held: readonly Held[], where: string): Promise<void> {
  for (const object of held) await isServed(kit, object, NOTHING, where);
}

async function isServed(
  kit: StorageKit,
  { manifest, bytes, digests }: Held,
  lost: ReadonlySet<Digest>,
  where: string,
): Promise<boolean> {
  const got = await readObject(kit.ref, manifest);
  if (got instanceof Uint8Array) {
    assert(Buffer.compare(got, bytes) === 0, `${where}: ${bytes.length} bytes are wrong`);
    return true;
  }
  const words = `${where}: ${bytes.length} bytes are refused: ${JSON.stringify(got)}`;
  assert(
    [...digests].some((digest) => lost.has(digest)),
    words,
  );
  assert(CLEAR.has(got.code), words);
  return false;
}

/** Not sizes that a pack is cut for by accident, so that several are sealed. */
export const HOME: Layout = {
  config: { packSealBytes: 512 * KiB },
  directories: ["/data/packs"],
  sizes: [0, 1, 5000, 70_000, 300_001, 1_250_000, 150_000, 90_000, 40_000],
};

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];

export const VOLUMES: Layout = {
  config: { packSealBytes: 256 * KiB, writeQuotaBytes: 64 * MiB },
  volumes: { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } },
  directories: SIX.map((directory) => `${directory}/packs`),
  sizes: [0, 1, 5000, 300_001, 1_250_000, 40_000, 700_000],
};
