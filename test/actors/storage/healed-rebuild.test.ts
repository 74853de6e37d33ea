/** An object that was damaged and put again has two records of one digest, and a rebuild has to choose the good one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { type FoundRecord, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { put, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const config = { packSealBytes: 1 * MiB };
const firstPack = "/data/packs/00000001.pack";

interface World {
  readonly disk: MemoryDisk;
  readonly kv: MemoryKvStores;
}

async function life<Value>({ disk, kv }: World, work: (kit: StorageKit) => Promise<Value>): Promise<Value> {
  const mortals = mortal(disk, kv);
  const kit = await startStorage({ disk: mortals.disk, kv: mortals.kv, config });
  await whole(kit);
  const value = await work(kit);
  for (let turn = 0; turn < 200; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  mortals.kill();
  disk.crash(seededRandom(1), { keepUnsynced: true });
  kv.crash(seededRandom(1));
  return value;
}

async function stored(kit: StorageKit, bytes: Uint8Array): Promise<StoredObject> {
  const done = await put(kit, bytes);
  assert(done.ok);
  return done.value;
}

async function fill(kit: StorageKit, from: number): Promise<void> {
  for (let seed = from; seed < from + 4; seed += 1) await stored(kit, randomBytes(300 * KiB, seed));
}

async function recordsOf(disk: MemoryDisk, pack: number): Promise<readonly FoundRecord[]> {
  const files = new PackFiles(disk, "/data/packs", 4);
  const listed = await files.list();
  assert(listed.ok);
  const sizeBytes = listed.value.find((one) => one.pack === pack)?.sizeBytes ?? 0;
  const found: FoundRecord[] = [];
  for await (const record of scanRecords(files, pack, undefined, PACK_FRONT_BYTES, sizeBytes, mustBeReadable))
    found.push(record);
  await files.close();
  return found;
}

/** The payload of the first record of that kind in the first pack decays, or is as it was when it decays again. */
async function decay(disk: MemoryDisk, kind: "chunk" | "manifest"): Promise<void> {
  const record = (await recordsOf(disk, 1)).find(({ header }) => header.kind === kind);
  assert(record !== undefined);
  disk.flipByte(firstPack, record.position + record.header.payloadOffset + 5);
}

async function isSealed(disk: MemoryDisk, pack: number): Promise<boolean> {
  const read = await disk.readFile(`/data/packs/0000000${pack}.pack`);
  assert(read.ok);
  return Buffer.from(read.value).includes("CEPASEAL");
}

const bytes = randomBytes(300 * KiB, 42);

/** Damaged in the first pack, which is sealed; put again into the second, which is not. */
async function healed(kind: "chunk" | "manifest"): Promise<World & { readonly object: StoredObject }> {
  const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
  const object = await life(world, async (kit) => {
    const first = await stored(kit, bytes);
    await fill(kit, 1);
    return first;
  });
  assert(await isSealed(world.disk, 1));
  await decay(world.disk, kind);
  await life(world, async (kit) => {
    assert(!((await readObject(kit.ref, object.manifest)) instanceof Uint8Array));
    assert.equal((await stored(kit, bytes)).known, false);
  });
  assert(!(await isSealed(world.disk, 2)));
  return { ...world, object };
}

describe("storage: a rebuild after an object was healed", () => {
  for (const kind of ["chunk", "manifest"] as const) {
    it(`takes the good ${kind} of a pack that is not sealed, not the damaged one of a pack that is (STO-4)`, async () => {
      const { object, ...world } = await healed(kind);
      world.kv.remove("/data/catalog");

      await life(world, async (kit) => {
        assert.deepEqual(Buffer.from(await mustRead(kit.ref, object.manifest, "the object")), bytes);
        const facts = await kit.ref.call("describe", {}, within);
        assert(facts.ok && facts.value.damagedChunkCount === 0);
        await fill(kit, 10);
      });

      assert(await isSealed(world.disk, 2));
      world.kv.remove("/data/catalog");
      await life(world, async (kit) => {
        assert.deepEqual(Buffer.from(await mustRead(kit.ref, object.manifest, "sealed twice, the object")), bytes);
      });
    });
  }

  it("keeps the record of the sealed pack where that is good and the other one is not", async () => {
    const { object, ...world } = await healed("chunk");
    await decay(world.disk, "chunk");
    const copy = (await recordsOf(world.disk, 2)).find(({ header }) => header.payloadBytes === bytes.length);
    assert(copy !== undefined);
    const last = copy.position + copy.header.payloadOffset + bytes.length - 1;
    world.disk.flipByte("/data/packs/00000002.pack", last);
    world.kv.remove("/data/catalog");

    await life(world, async (kit) => {
      assert.deepEqual(Buffer.from(await mustRead(kit.ref, object.manifest, "the object")), bytes);
    });
  });

  it("knows of the damage where neither is good, and one put heals it (STO-4)", async () => {
    const { object, ...world } = await healed("chunk");
    const copies = (await recordsOf(world.disk, 2)).filter(({ header }) => header.payloadBytes === bytes.length);
    for (const { position, header } of copies) {
      world.disk.flipByte("/data/packs/00000002.pack", position + header.payloadOffset + 9);
    }
    world.kv.remove("/data/catalog");

    await life(world, async (kit) => {
      assert(!((await readObject(kit.ref, object.manifest)) instanceof Uint8Array));
      assert.equal((await stored(kit, bytes)).known, false);
      assert.deepEqual(Buffer.from(await mustRead(kit.ref, object.manifest, "healed, the object")), bytes);
    });
  });
});
