/** Objects over six volumes, of which some go and come back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address, Digest } from "#actors/domain/address.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, type Result } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB, minute } from "#runtime/units.ts";
import { collect, mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, scrubbed, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;
const config = { packSealBytes: 4 * MiB, writeQuotaBytes: 64 * MiB };

interface Stored {
  readonly manifest: Digest;
  readonly bytes: Uint8Array;
}

async function store(kit: StorageKit, sizeBytes: number, seed: number): Promise<Stored> {
  const bytes = randomBytes(sizeBytes, seed);
  const stored = await put(kit, bytes);
  assert(stored.ok, JSON.stringify(stored));
  return { manifest: stored.value.manifest, bytes };
}

async function assertHeld(kit: StorageKit, objects: readonly Stored[]): Promise<void> {
  for (const { manifest, bytes } of objects) {
    const read = await readObject(kit.ref, manifest);
    if (!(read instanceof Uint8Array)) assert.fail(`${bytes.length} bytes: ${JSON.stringify(read)}`);
    assert(Buffer.compare(read, bytes) === 0, "the bytes are those that were put");
  }
}

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  assert((await disk.makeDirectory("/pulled")).ok);
  return disk;
}

const sizes = [0, 1, 40 * KiB, 300 * KiB, 900 * KiB, 5 * MiB, 9 * MiB];

/** One object of every size. */
async function storeAll(kit: StorageKit): Promise<Stored[]> {
  const objects: Stored[] = [];
  for (const [seed, sizeBytes] of sizes.entries()) objects.push(await store(kit, sizeBytes, seed));
  return objects;
}

describe("storage: six volumes, 4+2 (STO-77, STO-79)", () => {
  it("writes shards and copies to all of them, and reads them, also after a restart without a catalog", async () => {
    const disk = await newDisk();
    const kv = memoryKvStores({ disk });
    const kit = await startStorage({ disk, kv, volumes, config });
    const objects = await storeAll(kit);
    await assertHeld(kit, objects);
    const { profile, volumes: six } = await facts(kit);
    assert.equal(profile, "4+2");
    const bytes = six.map(({ packBytes }) => packBytes);
    assert(Math.min(...bytes) > 2 * MiB, `every volume has its share: ${bytes}`);
    const total = bytes.reduce((sum, one) => sum + one, 0);
    const stored = objects.reduce((sum, one) => sum + one.bytes.length, 0);
    assert(total < 1.7 * stored, `${total} bytes are little more than one and a half times ${stored}`);

    kit.actor.kill("killed by the test");
    kv.remove("/data/catalog");
    await kit.restart();
    await whole(kit);
    await assertHeld(kit, objects);
    assert.deepEqual((await settled(kit)).repair.backlogCount, 0);
  });

  it("loses any two of them while reads and writes go on, takes them back, and repairs what was written meanwhile", async () => {
    const disk = await newDisk();
    const kit = await startStorage({ disk, volumes, config });
    const objects = await storeAll(kit);
    assert.equal((await settled(kit)).repair.state, "idle");

    await pull(kit, "/v2");
    await pull(kit, "/v5");
    await assertHeld(kit, objects);
    objects.push(await store(kit, 6 * MiB, 100), await store(kit, 10 * KiB, 101));
    await looked(kit);
    await assertHeld(kit, objects);
    objects.push(await store(kit, 7 * MiB, 102), await store(kit, 20 * KiB, 103));
    const without = await facts(kit);
    assert.deepEqual(
      [without.profile, without.volumes.filter(({ state }) => state === "absent").map(({ directory }) => directory)],
      ["2+2", ["/v2", "/v5"]],
    );
    await assertHeld(kit, objects);

    await putBack(kit, "/v2");
    await putBack(kit, "/v5");
    await looked(kit);
    const { profile, repair } = await settled(kit);
    assert.deepEqual([profile, repair.state, repair.backlogCount, repair.lostCount], ["4+2", "idle", 0, 0]);
    assert(repair.repairedCount > 0, "what was written without them was written again");
    await assertHeld(kit, objects);

    // All of it survives the loss of any two again.
    for (const [one, other] of [
      ["/v1", "/v3"],
      ["/v4", "/v6"],
      ["/v2", "/v5"],
    ] as const) {
      await pull(kit, one);
      await pull(kit, other);
      await looked(kit);
      await assertHeld(kit, objects);
      await putBack(kit, one);
      await putBack(kit, other);
      await looked(kit);
    }
  });

  it("makes again elsewhere what a volume held that stays away", async () => {
    const disk = await newDisk();
    const kit = await startStorage({ disk, volumes, config });
    const objects = await storeAll(kit);
    await settled(kit);
    await pull(kit, "/v3");
    await looked(kit);
    assert.equal((await settled(kit)).repair.state, "delayed");

    await kit.clock.advance(15 * minute);
    await looked(kit);
    const { repair, profile } = await settled(kit);
    assert.deepEqual([profile, repair.state, repair.backlogCount, repair.lostCount], ["3+2", "idle", 0, 0]);
    for (const [one, other] of [
      ["/v1", "/v2"],
      ["/v4", "/v6"],
    ] as const) {
      await pull(kit, one);
      await pull(kit, other);
      await looked(kit);
      await assertHeld(kit, objects);
      await putBack(kit, one);
      await putBack(kit, other);
      await looked(kit);
    }
  });

  it("does not wait for volumes when it is told so, also for those that are not missed yet (STO-84)", async () => {
    const disk = await newDisk();
    const kit = await startStorage({ disk, volumes, config });
    const objects = await storeAll(kit);
    await settled(kit);
    for (const directory of ["/v1", "/v2"]) await pull(kit, directory);
    assert((await kit.ref.call("repair", { action: "now" }, within)).ok);
    await looked(kit);
    const { profile, repair } = await settled(kit);
    assert.deepEqual([profile, repair.state, repair.backlogCount], ["2+2", "idle", 0]);
    assert(repair.repairedCount > 0);
    for (const directory of ["/v3", "/v4"]) await pull(kit, directory);
    await looked(kit);
    await assertHeld(kit, objects);
  });

  it("holds without an end what is put again for a time while two of them are away (STO-118)", async () => {
    const kit = await startStorage({ disk: await newDisk(), volumes, config });
    const objects = await storeAll(kit);
    for (const volume of ["/v1", "/v2"]) await pull(kit, volume);
    await looked(kit);

    const again: boolean[] = [];
    for (const { bytes } of objects) again.push((await mustPut(kit, bytes, { keepMs: 10_000 })).known);
    assert(again.includes(false));

    for (const volume of ["/v1", "/v2"]) await putBack(kit, volume);
    await looked(kit);
    await settled(kit);
    await kit.clock.advance(20_000);
    assert.equal((await collect(kit, false)).removedCount, 0);
    await assertHeld(kit, objects);
  });
});

describe("storage: a volume that has gone", () => {
  it("is let go of: none of its packs stays open", async () => {
    const disk = await newDisk();
    const kit = await startStorage({ disk, volumes, config: { ...config, readDescriptorsMax: 64 } });
    await settled(kit);
    const before = disk.openCount;
    const objects = await storeAll(kit);
    await assertHeld(kit, objects);
    assert(disk.openCount > before, "packs are open for reading and writing");
    for (const directory of SIX) await pull(kit, directory);
    await looked(kit);
    assert.equal(disk.openCount, before);
    for (const directory of SIX) await putBack(kit, directory);
    await looked(kit);
    await assertHeld(kit, objects);
  });
});

describe("storage: a volume that comes back and cannot be listed", () => {
  for (const directory of ["/v1/packs", "/v2/packs"]) {
    it(`ends no life, and is written again when it can be (${directory})`, async () => {
      const disk = await newDisk();
      const kit = await startStorage({ disk, volumes, config });
      const objects = await storeAll(kit);
      await settled(kit);
      await pull(kit, "/v1");
      await looked(kit);
      await putBack(kit, "/v1");
      const list = disk.list.bind(disk);
      disk.list = async (listed) => {
        if (listed !== directory) return await list(listed);
        return { ok: false, failure: { code: "disk.broken", path: listed, errno: "EIO" } };
      };
      await looked(kit);
      await looked(kit);
      assert.deepEqual(kit.exits, []);
      await assertHeld(kit, objects);
      disk.list = list;
      await looked(kit);
      assert.deepEqual([(await facts(kit)).profile, kit.exits], ["4+2", []]);
      await assertHeld(kit, objects);
    });
  }
});

describe("storage: a volume with which something is wrong", () => {
  const wrongs: readonly (readonly [string, (disk: MemoryDisk) => () => void])[] = [
    [
      "cannot be listed",
      (disk) => {
        const { list } = disk;
        disk.list = async (path) => (path === "/v1/packs" ? broken(path, "EIO") : await list.call(disk, path));
        return () => {
          disk.list = list;
        };
      },
    ],
    [
      "takes no writes",
      (disk) => {
        const { open, replaceFile } = disk;
        disk.open = async (path, mode) =>
          path.startsWith("/v1/") && mode !== "read" ? broken(path, "EROFS") : await open.call(disk, path, mode);
        disk.replaceFile = async (path, bytes) =>
          path.startsWith("/v1/") ? broken(path, "EROFS") : await replaceFile.call(disk, path, bytes);
        return () => {
          disk.open = open;
          disk.replaceFile = replaceFile;
        };
      },
    ],
  ];
  for (const [name, spoil] of wrongs) {
    it(`holds up no start, and is counted in when it is well again: it ${name} (STO-79)`, async () => {
      const disk = await newDisk();
      const kit = await startStorage({ disk, kv: memoryKvStores({ disk }), volumes, config });
      const objects = await storeAll(kit);
      const mend = spoil(disk);
      await kit.crash();
      await whole(kit);
      await assertHeld(kit, objects);
      objects.push(await store(kit, 3 * MiB, 50));
      mend();
      for (let look = 0; look < 4; look += 1) await looked(kit);
      const { profile, repair } = await settled(kit);
      assert.deepEqual([profile, repair.state, repair.lostCount], ["4+2", "idle", 0]);
      await assertHeld(kit, objects);
    });
  }

  it("is looked at anew where it comes back with less, and no other is (STO-79)", async () => {
    const disk = await newDisk();
    const kit = await startStorage({ disk, volumes, config });
    const objects = await storeAll(kit);
    await settled(kit);
    await pull(kit, "/v1");
    await looked(kit);
    const listed = await disk.list("/pulled/v1/packs");
    assert(listed.ok);
    for (const { name, sizeBytes } of listed.value) {
      const opened = await disk.open(`/pulled/v1/packs/${name}`, "write");
      assert(opened.ok && (await disk.truncate(opened.value, Math.floor(sizeBytes / 2))).ok);
      await disk.close(opened.value);
    }
    await putBack(kit, "/v1");
    await looked(kit);
    const { repair } = await settled(kit);
    assert.deepEqual([kit.exits.length, repair.state, repair.lostCount], [0, "idle", 0]);
    for (const directory of ["/v2", "/v3"]) await pull(kit, directory);
    await looked(kit);
    await assertHeld(kit, objects);
  });
});

describe("storage: damage on volumes (STO-80, STO-82)", () => {
  it("is read past at once, and healed from the others", async () => {
    const disk = await newDisk();
    const kit = await startStorage({ disk, volumes, config });
    const objects = await storeAll(kit);
    await settled(kit);
    for (const directory of ["/v1", "/v4"]) {
      const listed = await disk.list(`${directory}/packs`);
      assert(listed.ok);
      for (const { name, sizeBytes } of listed.value) {
        for (let at = 8 * KiB; at < sizeBytes; at += 7000) disk.flipByte(`${directory}/packs/${name}`, at);
      }
    }
    await assertHeld(kit, objects);
    await scrubbed(kit);
    const { repair } = await settled(kit);
    const described = await kit.ref.call("describe", {}, within);
    assert(described.ok);
    assert.deepEqual([repair.state, repair.lostCount, described.value.damagedChunkCount], ["idle", 0, 0]);
    for (const directory of ["/v2", "/v3"]) await pull(kit, directory);
    await looked(kit);
    await assertHeld(kit, objects);
  });
});

describe("storage: a commit that is written again on volumes", () => {
  it("stands for all copies of its manifest, also for one in a pack that is sealed meanwhile", async () => {
    const disk = await newDisk();
    const kv = memoryKvStores({ disk });
    const kit = await startStorage({ disk, kv, volumes, config: { ...config, packSealBytes: 256 * KiB } });
    const smalls = Array.from({ length: 20 }, (_, seed) => randomBytes(10 * KiB, seed));
    const held: { address: Address; manifest: Digest; bytes: Uint8Array }[] = [];
    for (const bytes of smalls) {
      const stored = await put(kit, bytes);
      assert(stored.ok && stored.value.address !== undefined);
      held.push({ address: stored.value.address, manifest: stored.value.manifest, bytes });
    }
    await pull(kit, "/v1");
    await pull(kit, "/v2");
    await looked(kit);
    // Removed and put again without two volumes: some copies are new, and on others now.
    for (const { manifest, bytes } of held) {
      assert((await kit.ref.call("removeObject", { manifest }, within)).ok);
      assert((await put(kit, bytes)).ok);
    }
    assert((await kit.ref.call("repair", { action: "pause" }, within)).ok);
    await putBack(kit, "/v1");
    await putBack(kit, "/v2");
    await looked(kit);
    const others: Stored[] = [...held];
    for (let seed = 10; seed < 30; seed += 1) others.push(await store(kit, 700 * KiB, seed));
    // Packs are sealed beside the puts, and a defect ends the life with the next timer.
    await looked(kit);
    await looked(kit);
    assert.deepEqual(kit.exits, []);
    await assertHeld(kit, others);
    kit.actor.kill("killed by the test");
    kv.remove("/data/catalog");
    await kit.restart();
    await whole(kit);
    await assertHeld(kit, others);
  });
});

describe("storage: a copy of a manifest that repair has let go of", () => {
  it("does no harm in a pack that is sealed afterwards", async () => {
    const disk = await newDisk();
    const kv = memoryKvStores({ disk });
    const kit = await startStorage({ disk, kv, volumes, config: { ...config, packSealBytes: 256 * KiB } });
    const objects: Stored[] = [];
    for (let seed = 0; seed < 20; seed += 1) objects.push(await store(kit, 10 * KiB, seed));
    await settled(kit);
    await pull(kit, "/v1");
    await pull(kit, "/v2");
    await looked(kit);
    await kit.clock.advance(15 * minute);
    await looked(kit);
    assert.equal((await settled(kit)).repair.backlogCount, 0);
    await putBack(kit, "/v1");
    await putBack(kit, "/v2");
    await looked(kit);
    // What was on the two is there again, and more of it than is wanted.
    assert.equal((await settled(kit)).repair.backlogCount, 0);
    for (let seed = 100; seed < 120; seed += 1) objects.push(await store(kit, 700 * KiB, seed));
    await looked(kit);
    await looked(kit);
    assert.deepEqual(kit.exits, []);
    await assertHeld(kit, objects);
    kit.actor.kill("killed by the test");
    kv.remove("/data/catalog");
    await kit.restart();
    await whole(kit);
    await assertHeld(kit, objects);
  });
});

function broken(path: string, errno: string): Result<never, DiskFailure> {
  return fail({ code: "disk.broken", path, errno });
}
