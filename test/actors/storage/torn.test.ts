/** Which of two look-alikes it is: a commit that a crash tore, or one that was durable and has decayed since. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, startStorage, within } from "#test/actors/storage/storage-kit.ts";

/** Behind the pack's header and the record's. */
const firstPayload = PACK_FRONT_BYTES + 128;
const path = "/data/packs/00000001.pack";

describe("storage: recovery of a damaged chunk", () => {
  it("drops the object when nothing was ever synced behind it (STO-3)", async () => {
    const disk = new MemoryDisk();
    const kv = memoryKvStores();
    const life = mortal(disk, kv);
    const kit = await startStorage({ disk: life.disk, kv: life.kv });
    const { sync } = disk;
    let syncCount = 0;
    // The first one is that of the new pack.
    disk.sync = async (descriptor) => {
      syncCount += 1;
      return syncCount === 1 ? await sync.call(disk, descriptor) : await new Promise<never>(() => undefined);
    };
    void put(kit, randomBytes(3000, 1));
    await turns();
    life.kill();
    disk.sync = sync;
    disk.crash(seededRandom(1), { keepUnsynced: true });
    kv.crash(seededRandom(1));
    disk.flipByte(path, firstPayload + 7);

    const next = await startStorage({ disk, kv });
    await turns();

    const listed = await next.ref.call("listManifests", { after: undefined, limit: 10 }, within);
    assert(listed.ok);
    assert.deepEqual(listed.value.entries, []);
    const size = await disk.list("/data/packs");
    assert(size.ok && size.value.every(({ sizeBytes }) => sizeBytes === PACK_FRONT_BYTES), "the torn tail is cut");
    assert((await put(next, randomBytes(3000, 1))).ok);
  });

  it("keeps the object, as damaged, when a later sync of the pack had succeeded (STO-1, STO-4)", async () => {
    const disk = new MemoryDisk();
    const kit = await startStorage({ disk });
    const first = await put(kit, randomBytes(3000, 1));
    const second = await put(kit, randomBytes(3000, 2));
    assert(first.ok && second.ok);
    kit.actor.kill("test");
    await turns();
    disk.flipByte(path, firstPayload + 7);

    const next = await startStorage({ disk, kv: memoryKvStores() });
    await turns();

    const damaged = await readObject(next.ref, first.value.manifest);
    assert(!(damaged instanceof Uint8Array));
    assert.equal(damaged.code, "storage.corrupt");
    assert((await readObject(next.ref, second.value.manifest)) instanceof Uint8Array);
  });

  it("passes over damage in the middle of a pack, and finds what lies behind it", async () => {
    const disk = new MemoryDisk();
    const kit = await startStorage({ disk });
    const stored = [];
    for (let seed = 0; seed < 4; seed += 1) {
      const one = await put(kit, randomBytes(3000, seed));
      assert(one.ok);
      stored.push(one.value);
    }
    kit.actor.kill("test");
    await turns();
    // The header of the first record: its length is gone with it.
    disk.flipByte(path, PACK_FRONT_BYTES + 20);

    const next = await startStorage({ disk, kv: memoryKvStores() });
    await turns();

    const readable = [];
    for (const { manifest } of stored) readable.push((await readObject(next.ref, manifest)) instanceof Uint8Array);
    assert.deepEqual(readable, [false, true, true, true]);
  });
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
