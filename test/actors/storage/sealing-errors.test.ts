/** A disk that refuses while a full pack is sealed, or its seal is read: no record is lost with the catalog. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { readFront, readSeal, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import { RECORD_HEADER_BYTES } from "#actors/storage/packs/record.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import {
  isScanOf,
  life,
  mustHold,
  refuseReads,
  sizes,
  stored,
  touching,
  turns,
} from "#test/actors/storage/refused-reads.ts";
import { randomBytes } from "#test/kit/objects.ts";

describe("storage: sealing when a read fails", () => {
  const config = { packSealBytes: 1 * MiB };
  const small = Array.from({ length: 40 }, (_, seed) => randomBytes(60 * KiB, seed));

  async function isSealed(disk: MemoryDisk): Promise<boolean> {
    const files = new PackFiles(disk, "/data/packs", 4);
    const { mark } = await readFront(files, 1, mustBeReadable);
    const sizeBytes = (await sizes(disk)).get("00000001.pack") ?? 0;
    const footer = mark === undefined ? undefined : await readSeal(files, 1, mark, sizeBytes, mustBeReadable);
    await files.close();
    return footer !== undefined;
  }

  for (const failingCount of [1, 2]) {
    it(`leaves no record out of the seal when ${failingCount} reads of the scan fail`, async () => {
      const world = { disk: new MemoryDisk(), kv: memoryKvStores(), config };
      let count = 0;
      const undo = refuseReads(world.disk, (path, ...read) => isScanOf(path)(path, ...read) && ++count <= failingCount);
      const done = await life(world, async (kit) => {
        const all = [];
        for (const bytes of small) all.push(await stored(kit, bytes));
        await turns();
        return all;
      });
      undo();
      assert(count >= failingCount);
      assert(await isSealed(world.disk), "it is tried again with the next pack");

      world.kv.remove("/data/catalog");
      await life(world, (kit) => mustHold(kit, done, small));
    });
  }

  for (const cutFails of [false, true]) {
    it(`leaves nothing of an attempt that failed behind the seal${cutFails ? ", when the next cannot take it away" : ""}`, async () => {
      const world = { disk: new MemoryDisk(), kv: memoryKvStores(), config };
      const write = world.disk.write.bind(world.disk);
      const sync = world.disk.sync.bind(world.disk);
      let sealing: number | undefined;
      let failedCount = 0;
      world.disk.write = async (descriptor, parts, position) => {
        if (parts.some((part) => Buffer.from(part).includes("CEPASEAL"))) sealing = descriptor;
        return await write(descriptor, parts, position);
      };
      world.disk.sync = async (descriptor) => {
        if (descriptor === sealing && failedCount === 0) world.disk.failNext("sync", "EIO");
        if (descriptor === sealing) failedCount += 1;
        return await sync(descriptor);
      };
      await life(world, async (kit) => {
        let index = 0;
        const first = await stored(kit, randomBytes(60 * KiB, index));
        while (failedCount === 0) {
          index += 1;
          await stored(kit, randomBytes(60 * KiB, index));
          await turns();
        }
        if (cutFails) world.disk.failNext("truncate", "EIO");
        // One record fewer for the next attempt: put again, it lies in another pack.
        world.disk.flipByte(firstPack, PACK_FRONT_BYTES + RECORD_HEADER_BYTES + 7);
        assert(!((await readObject(kit.ref, first.manifest)) instanceof Uint8Array));
        for (const seed of [0, ...small.keys()]) await stored(kit, randomBytes(60 * KiB, seed));
        for (const seed of small.keys()) await stored(kit, randomBytes(60 * KiB, 100 + seed));
        await turns();
      });

      const files = new PackFiles(world.disk, "/data/packs", 4);
      const sizeBytes = (await sizes(world.disk)).get("00000001.pack") ?? 0;
      const { mark } = await readFront(files, 1, mustBeReadable);
      assert(mark !== undefined);
      const footer = await readSeal(files, 1, mark, sizeBytes, mustBeReadable);
      let recordCount = 0;
      for await (const _ of scanRecords(files, 1, mark, PACK_FRONT_BYTES, footer?.tablePosition ?? 0, mustBeReadable))
        recordCount += 1;
      await files.close();
      assert.equal(footer?.entryCount, recordCount - 2, "all but the chunk and the manifest that were put again");
    });
  }

  it("takes a seal that cannot be read for no reason to cut the pack", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores(), config };
    const done = await life(world, async (kit) => {
      const all = [];
      for (const bytes of small) all.push(await stored(kit, bytes));
      await turns();
      return all;
    });
    assert(await isSealed(world.disk));
    const before = await sizes(world.disk);
    world.kv.remove("/data/catalog");
    const undo = refuseReads(world.disk, touching(firstPack, (before.get("00000001.pack") ?? 0) - 100));
    await life(world, async () => undefined);
    assert.equal((await sizes(world.disk)).get("00000001.pack"), before.get("00000001.pack"));
    undo();

    await life(world, (kit) => mustHold(kit, done, small));
  });
});
