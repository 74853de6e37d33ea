/**
 * The power is cut at a random point of a random history, again and again on one disk. What was acknowledged is
 * readable; what was not is whole or absent; putting it again works.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import type { PutObject, StoredObject } from "#actors/storage/protocol.ts";
import type { Random } from "#runtime/random.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { type Mortal, mortal } from "#test/actors/storage/mortal.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";

const seeds = Number(process.env["CEPA_CRASH_SEEDS"] ?? 200);
const config = { packSealBytes: 512 * KiB, openPacksMax: 2 };

/** Cheap to make; every size class: empty, one segment, several, larger than small, larger than a pack. */
function objectOf(seed: number): Uint8Array {
  const random = seededRandom(seed);
  const sizes = [0, 1, 5 * KiB, 64 * KiB, 100 * KiB, 300 * KiB, 1 * MiB + 5, 1300 * KiB];
  const bytes = new Uint8Array(sizes[random.below(sizes.length)] ?? 0);
  const tile = random.bytes(1009);
  for (let at = 0; at < bytes.length; at += tile.length) bytes.set(tile.subarray(0, bytes.length - at), at);
  return bytes;
}

/** Some are ciphertext: their commit names no object. */
function encOf(seed: number): Partial<PutObject> {
  return seed % 4 === 3 ? { enc: { format: "test/1" }, chunker: "fixed/1" } : {};
}

interface World {
  readonly acknowledged: Map<number, StoredObject>;
  readonly attempted: Set<number>;
}

async function checkAll(kit: StorageKit, world: World): Promise<void> {
  const listed = await kit.ref.call("listManifests", { after: undefined, limit: 4096 }, within);
  assert(listed.ok && listed.value.done);
  const roots = new Map(listed.value.entries.map(({ manifest, address }) => [manifest, address]));
  assert.equal(roots.size, listed.value.total, "every commit is listed once");
  const checked = new Set<Digest>();
  for (const [seed, { manifest, address }] of world.acknowledged) {
    assert(roots.has(manifest), `object ${seed} is listed`);
    assert.equal(roots.get(manifest), address);
    const got = await mustRead(kit.ref, manifest, `object ${seed}`);
    assert.equal(Buffer.compare(got, objectOf(seed)), 0);
    checked.add(manifest);
  }
  // What is listed beyond that was never acknowledged: it has to be whole.
  for (const manifest of roots.keys()) if (!checked.has(manifest)) await mustRead(kit.ref, manifest, "what is listed");
}

async function runHistory(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const real = new MemoryDisk();
  const kv = memoryKvStores();
  await real.makeDirectory("/data");
  await real.syncDirectory("/");
  const world: World = { acknowledged: new Map(), attempted: new Set() };
  for (let life = 0; life < 2; life += 1) {
    const first = mortal(real, kv, 1 + random.below(24));
    const started = startStorage({ disk: first.disk, kv: first.kv, config });
    await Promise.race([
      first.dead,
      started.then((kit) => Promise.race([first.dead, putSome(kit, first, world, random)])),
    ]);
    real.crash(random, { keepUnsynced: random.below(3) === 0 });
    kv.crash(random);
    if (random.below(4) === 0) kv.remove("/data/catalog");

    const second = mortal(real, kv);
    const kit = await startStorage({ disk: second.disk, kv: second.kv, config });
    await settled(kit);
    await checkAll(kit, world);
    await putAgain(kit, world);
    second.kill();
    real.crash(random, { keepUnsynced: true });
    kv.crash(random);
  }
}

async function putAgain(kit: StorageKit, world: World): Promise<void> {
  for (const attempted of world.attempted) {
    const again = await put(kit, objectOf(attempted), encOf(attempted));
    assert(again.ok, JSON.stringify(again));
    const got = await mustRead(kit.ref, again.value.manifest, `object ${attempted}, put again,`);
    assert.equal(Buffer.compare(got, objectOf(attempted)), 0);
    world.acknowledged.set(attempted, again.value);
  }
  world.attempted.clear();
}

/** Waits for a rebuild to end. */
async function settled(kit: StorageKit): Promise<void> {
  for (let turn = 0; turn < 1000; turn += 1) {
    const facts = await kit.ref.call("describe", {}, within);
    assert(facts.ok);
    if (facts.value.rebuilding === undefined) return;
    await settledTurns();
  }
  assert.fail("the rebuild ends");
}

async function settledTurns(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function putSome(kit: StorageKit, life: Mortal, world: World, random: Random): Promise<void> {
  while (!life.isDead) {
    const seedsNow = Array.from({ length: 1 + random.below(4) }, () => random.below(16));
    for (const seed of seedsNow) if (!world.acknowledged.has(seed)) world.attempted.add(seed);
    await Promise.all(
      seedsNow.map(async (seed) => {
        const stored = await put(kit, objectOf(seed), encOf(seed));
        if (!stored.ok || life.isDead) return;
        world.acknowledged.set(seed, stored.value);
        world.attempted.delete(seed);
      }),
    );
    if (random.below(3) === 0) await kit.clock.advance(1000);
  }
}

describe("storage: a power cut", () => {
  it(`loses nothing that was acknowledged and shows nothing by halves, over ${seeds} histories (STO-1, STO-3)`, async () => {
    for (let seed = 1; seed <= seeds; seed += 1) {
      await runHistory(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
    }
  });
});
