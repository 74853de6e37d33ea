/**
 * What a failed sync leaves behind: bytes that can be read, that no later sync brings to the disk by itself. A start must
 * not take them for durable.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { readFront, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { leaveBehind } from "#test/actors/storage/left-behind.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";
import {
  exitOf,
  isFirstHeader,
  life,
  mustHold,
  refuseReads,
  sizes,
  stored,
  turns,
  type World,
} from "#test/actors/storage/refused-reads.ts";
import { put, startStorage, whole } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const objects = [randomBytes(3000, 1), randomBytes(600 * KiB, 2), randomBytes(3 * MiB, 3), randomBytes(70 * KiB, 4)];

describe("storage: recovery of what was never synced", () => {
  /** One object that is durable, and one whose sync was under way when the process was killed. */
  async function killedInSync(): Promise<World> {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
    const mortals = mortal(world.disk, world.kv);
    const kit = await startStorage({ disk: mortals.disk, kv: mortals.kv });
    await stored(kit, randomBytes(1000, 99));
    world.disk.sync = () => new Promise<never>(() => undefined);
    void put(kit, randomBytes(5000, 1));
    await turns();
    mortals.kill();
    Reflect.deleteProperty(world.disk, "sync");
    world.disk.crash(seededRandom(1), { keepUnsynced: true });
    world.kv.crash(seededRandom(1));
    world.kv.remove("/data/catalog");
    return world;
  }

  it("writes it again after a sync that failed, so that what it answers as known survives a power cut (STO-1)", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { disk, kv } = await killedInSync();
      disk.failNext("sync", "EIO");
      const kit = await startStorage({ disk, kv });
      assert.equal((await exitOf(kit))?.kind, "crashed", "the start fails with its sync");
      await kit.restart();
      await whole(kit);
      const again = await stored(kit, randomBytes(5000, 1));
      assert.equal(again.known, true);
      kit.actor.kill("power");
      await turns();
      disk.crash(seededRandom(seed));

      await life({ disk, kv: memoryKvStores() }, (last) => mustHold(last, [again], [randomBytes(5000, 1)]));
    }
  });

  it("uses no pack whose front may not be on the disk", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
      const mortals = mortal(world.disk, world.kv);
      const kit = await startStorage({ disk: mortals.disk, kv: mortals.kv });
      world.disk.failNext("sync", "EIO");
      assert(!(await put(kit, randomBytes(1000, 1))).ok);
      await stored(kit, randomBytes(3000, 2));
      mortals.kill();
      world.disk.crash(seededRandom(seed));

      const files = new PackFiles(world.disk, "/data/packs", 1);
      for (const { pack } of must(await files.list(), "the packs are listed")) {
        assert((await readFront(files, pack, mustBeReadable)).mark !== undefined, `seed ${seed}`);
      }
      await files.close();
    }
  });

  it("keeps no descriptor of the starts that fail", async () => {
    const left = await leaveBehind(...objects);
    left.disk.failNext("sync", "EIO");
    const kit = await startStorage(left);
    for (let start = 1; start <= 3; start += 1) {
      assert.equal((await exitOf(kit))?.kind, "crashed");
      await turns();
      assert.equal(left.disk.openCount, 0, `after start ${start}`);
      left.disk.failNext("sync", "EIO");
      await kit.restart().catch(() => undefined);
      await turns();
      await kit.clock.advance(1);
    }
  });

  it("does so in a pack that is set aside too", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const world = await killedInSync();
      world.disk.failNext("sync", "EIO");
      const kit = await startStorage(world);
      await exitOf(kit);
      const undo = refuseReads(world.disk, isFirstHeader);
      await kit.restart();
      await whole(kit);
      const again = await stored(kit, randomBytes(5000, 1));
      assert.equal(again.known, true);
      kit.actor.kill("power");
      await turns();
      world.disk.crash(seededRandom(seed));
      undo();

      const next = { disk: world.disk, kv: memoryKvStores() };
      await life(next, (last) => mustHold(last, [again], [randomBytes(5000, 1)]));
    }
  });

  for (const operation of ["open", "truncate"] as const) {
    it(`survives a power cut though a pack whose sync failed could not be cut, because of its ${operation}`, async () => {
      for (let seed = 1; seed <= 10; seed += 1) {
        const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
        const bytes = randomBytes(5000, 1);
        await life(world, async (kit) => {
          await stored(kit, randomBytes(1000, 99));
          world.disk.failNext("sync", "EIO");
          world.disk.failNext(operation, "EIO");
          assert(!(await put(kit, bytes)).ok);
        });
        assert(
          ((await sizes(world.disk)).get("00000001.pack") ?? 0) > 6000,
          "what was not acknowledged is still there",
        );
        const again = await life(world, (kit) => stored(kit, bytes));
        assert.equal(again.known, true);
        world.disk.crash(seededRandom(seed));

        await life({ disk: world.disk, kv: memoryKvStores() }, (kit) => mustHold(kit, [again], [bytes]));
      }
    });
  }

  it("writes again what is in doubt and nothing else", async () => {
    const left = await leaveBehind(...objects);
    const files = new PackFiles(left.disk, "/data/packs", 4);
    const size = (await sizes(left.disk)).get("00000001.pack") ?? 0;
    const found = [];
    for await (const record of scanRecords(files, 1, undefined, PACK_FRONT_BYTES, size, mustBeReadable))
      found.push(record);
    await files.close();
    const newest = Math.max(...found.map(({ header }) => header.epoch));
    const first = found.find(({ header }) => header.epoch === newest);
    const written: number[] = [];
    const write = left.disk.write.bind(left.disk);
    left.disk.write = async (descriptor, parts, position) => {
      written.push(position);
      return await write(descriptor, parts, position);
    };

    await life(left, async () => undefined);

    assert(first !== undefined && first.position > PACK_FRONT_BYTES);
    assert.deepEqual(written.slice(0, 2), [0, first.position]);
  });
});
