/** Volumes that the store has and the configuration does not name any more (STO-89). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { VolumeFacts } from "#actors/domain/volumes-facts.ts";
import type { VolumeSettings } from "#actors/storage/open-store.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { fail, must } from "#runtime/errors.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { facts, scrubbed, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const TWO_AND_ONE = { dataShards: 2, parityShards: 1 } as const;

/** One disk, and the lives of a store on it. */
function world(erasure: VolumeSettings["erasure"]) {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  const catalog = memoryKvStores({ disk });
  let last: StorageKit | undefined;
  const startOn = async (kv: KvStores, ...directories: readonly string[]): Promise<StorageKit> => {
    last?.actor.kill("test");
    await last?.clock.settle();
    const kit = await startStorage({
      disk,
      kv,
      volumes: { directories, erasure },
      config: { writeQuotaBytes: 64 * MiB },
    });
    last = kit;
    await whole(kit);
    await settled(kit);
    return kit;
  };
  const start = async (...directories: readonly string[]): Promise<StorageKit> =>
    await startOn(catalog, ...directories);
  return { disk, start, startOn };
}

async function putSome(kit: StorageKit): Promise<readonly StoredObject[]> {
  const sizes = [900 * KiB, 40 * KiB, 700 * KiB, 10 * KiB, 5 * MiB];
  return await Promise.all(sizes.map((sizeBytes, seed) => mustPut(kit, randomBytes(sizeBytes, seed))));
}

async function leftOut(kit: StorageKit): Promise<readonly VolumeFacts[]> {
  return (await facts(kit)).volumes.filter(({ state }) => state === "left-out");
}

async function forget(kit: StorageKit, volume: string, mayLose = false) {
  return await kit.ref.call("forgetVolume", { volume, mayLose }, within);
}

async function known({ ref }: StorageKit) {
  const { manifestCount, storedBytes } = must(await ref.call("describe", {}, within), "described");
  return { manifestCount, storedBytes };
}

async function awayBytes({ ref }: StorageKit): Promise<number> {
  const described = await ref.call("describe", {}, within);
  assert(described.ok);
  return described.value.scrub.awayBytes;
}

describe("storage: what is in the trash (STO-81)", () => {
  it("is repaired as what is not: it can be restored after the loss of another volume", async () => {
    const { disk, start } = world(TWO_AND_ONE);
    const first = await start("/v1", "/v2", "/v3");
    const stored = await putSome(first);
    for (const { manifest } of stored) {
      assert((await first.ref.call("removeObject", { manifest }, within)).ok);
    }
    assert((await disk.removeTree("/v1")).ok);
    const kit = await start("/v4", "/v2", "/v3");
    const { repair } = await facts(kit);
    assert.deepEqual([repair.state, repair.backlogCount, repair.failedCount], ["idle", 0, 0]);

    assert((await disk.removeTree("/v2")).ok);
    const last = await start("/v4", "/v5", "/v3");
    for (const { address, manifest } of stored) {
      assert(address !== undefined && (await last.ref.call("restoreObject", { address }, within)).ok);
      await mustRead(last.ref, manifest, "a restored object");
    }
  });
});

describe("storage: volumes that are left out (STO-89)", () => {
  it("are told of, and given up when repair has nothing left to do", async () => {
    const { start } = world(TWO_AND_ONE);
    const stored = await putSome(await start("/v1", "/v2", "/v3"));
    const kit = await start("/v1", "/v2", "/v4");
    const [left, ...more] = await leftOut(kit);
    assert(left !== undefined && more.length === 0);
    assert.deepEqual([left.directory, left.packBytes > 0], ["/v3", true]);
    assert.match(left.problem ?? "", /storage\.volumes.*--forget [0-9a-f]{16}/);
    await scrubbed(kit);
    assert((await awayBytes(kit)) > 0);

    const forgotten = await forget(kit, left.id);
    assert(
      forgotten.ok && forgotten.value.volumes.every(({ state }) => state === "present"),
      JSON.stringify(forgotten),
    );
    await scrubbed(kit);
    assert.equal(await awayBytes(kit), 0);
    for (const { manifest } of stored) await mustRead(kit.ref, manifest, "an object without the volume");
    assert.deepEqual(await forget(kit, left.id), {
      ok: false,
      failure: { code: "storage.volume-unknown", volume: left.id },
    });
  });

  it("are foreign once they were given up", async () => {
    const { start } = world(TWO_AND_ONE);
    const stored = await putSome(await start("/v1", "/v2", "/v3"));
    const kit = await start("/v1", "/v2", "/v4");
    const [left] = await leftOut(kit);
    assert(left !== undefined && (await forget(kit, left.id)).ok);

    for (const _ of ["the next start", "the one after"]) {
      const again = await start("/v1", "/v2", "/v4", "/v3");
      const back = (await facts(again)).volumes.find(({ directory }) => directory === "/v3");
      assert.deepEqual([back?.state, back?.packBytes], ["foreign", 0]);
      assert.match(back?.problem ?? "", /was given up/);
      for (const { manifest } of stored) await mustRead(again.ref, manifest, "an object");
    }
  });

  it("leave a path behind that gets no new volume: their disk may be mounted there", async () => {
    const { disk, start } = world(TWO_AND_ONE);
    await putSome(await start("/v1", "/v2", "/v3"));
    const kit = await start("/v1", "/v2", "/v4");
    const [left] = await leftOut(kit);
    assert(left !== undefined && (await forget(kit, left.id)).ok);
    assert((await disk.removeTree("/v3")).ok && (await disk.makeDirectory("/v3")).ok);

    const again = await start("/v1", "/v2", "/v4", "/v3");
    const there = (await facts(again)).volumes.find(({ directory }) => directory === "/v3");
    assert.deepEqual([there?.state, there?.id], ["absent", ""]);
    assert.match(there?.problem ?? "", /never used before/);
  });

  it("are not given up while they are in use, or nobody knows them", async () => {
    const { start } = world(TWO_AND_ONE);
    const kit = await start("/v1", "/v2", "/v3");
    const [used] = (await facts(kit)).volumes;
    assert(used !== undefined);
    for (const [volume, code] of [
      [used.id, "storage.volume-in-use"],
      ["0".repeat(16), "storage.volume-unknown"],
      ["", "storage.volume-unknown"],
    ] as const) {
      assert.deepEqual(await forget(kit, volume, true), { ok: false, failure: { code, volume } });
    }
  });

  it("are not given up where something would be lost, unless it may be", async () => {
    const { start } = world("none");
    const both = await start("/v1", "/v2");
    const sizes = Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? 20 * KiB : 600 * KiB));
    const stored = await Promise.all(sizes.map((sizeBytes, seed) => mustPut(both, randomBytes(sizeBytes, seed))));
    const kit = await start("/v1");
    const [left] = await leftOut(kit);
    assert(left !== undefined);
    const isThere = async ({ manifest }: StoredObject): Promise<boolean> =>
      (await readObject(kit.ref, manifest)) instanceof Uint8Array;
    const there: boolean[] = [];
    for (const each of stored) there.push(await isThere(each));
    assert(there.includes(true) && there.includes(false), "each volume has some of them");

    const refused = await forget(kit, left.id);
    assert(!refused.ok && refused.failure.code === "storage.volume-needed", JSON.stringify(refused));
    assert(refused.failure.lostCount > 0);
    assert.equal((await leftOut(kit)).length, 1);

    assert((await forget(kit, left.id, true)).ok);
    await settled(kit);
    for (const [at, each] of stored.entries()) assert.equal(await isThere(each), there[at]);
    const whole = await start("/v1");
    assert.equal(await awayBytes(whole), 0);
  });

  it("are given up to the end by the next life, where one ends in the middle", async () => {
    const { disk, start, startOn } = world(TWO_AND_ONE);
    const stored = await putSome(await start("/v1", "/v2", "/v3"));
    // What this life drops from its catalog is not dropped from that of the others.
    const kit = await startOn(memoryKvStores({ disk }), "/v1", "/v2", "/v4");
    const [left] = await leftOut(kit);
    assert(left !== undefined && (await forget(kit, left.id, true)).ok);
    const next = await start("/v1", "/v2", "/v4");
    await scrubbed(next);
    assert.equal(await awayBytes(next), 0);
    for (const { manifest } of stored) await mustRead(next.ref, manifest, "an object");
  });

  it("are given up to the end also where no pack of them is known, because their recovery failed (STO-119)", async () => {
    const { disk, start, startOn } = world("none");
    const both = await start("/v1", "/v2");
    for (let seed = 0; seed < 40; seed += 1) await mustPut(both, randomBytes(900 * KiB, seed));
    await settled(both);
    // A catalog made anew takes the word of the seals on the second volume, and then that fails.
    const syncDirectory = disk.syncDirectory.bind(disk);
    disk.syncDirectory = async (path) =>
      path === "/v2/packs" ? fail({ code: "disk.broken", path, errno: "EIO" }) : await syncDirectory(path);
    const half = memoryKvStores({ disk });
    const failed = await startOn(half, "/v1", "/v2");
    const [, second] = (await facts(failed)).volumes;
    assert.deepEqual([second?.state, second?.packBytes], ["failing", 0]);
    const adopted = await known(failed);
    // What this life drops from its catalog is not dropped from that of the others.
    const other = await startOn(memoryKvStores({ disk }), "/v1");
    assert((await forget(other, second?.id ?? "", true)).ok);
    assert.equal((await collect(other, false)).blocked, undefined);
    const left = await known(other);
    assert(left.manifestCount < adopted.manifestCount && left.storedBytes < adopted.storedBytes);

    const next = await startOn(half, "/v1");

    assert.equal((await collect(next, false)).blocked, undefined);
    assert.deepEqual(await known(next), left);
  });

  it("stay where it cannot be written down that they are given up", async () => {
    const { disk, start } = world(TWO_AND_ONE);
    await putSome(await start("/v1", "/v2", "/v3"));
    const kit = await start("/v1", "/v2", "/v4");
    const [left] = await leftOut(kit);
    assert(left !== undefined);
    const replaceFile = disk.replaceFile.bind(disk);
    disk.replaceFile = async (path) => ({ ok: false, failure: { code: "disk.broken", path, errno: "EIO" } });
    assert.deepEqual(await forget(kit, left.id), {
      ok: false,
      failure: { code: "storage.write-failed", errno: "EIO" },
    });
    disk.replaceFile = replaceFile;
    assert.equal((await leftOut(kit)).length, 1);
    assert((await forget(kit, left.id)).ok);
  });

  it("are not given up where the catalog was made without them, so that nobody knows what is on them", async () => {
    const { disk, start, startOn } = world("none");
    const stored = await mustPut(await start("/v2"), randomBytes(20 * KiB, 1));
    const other = memoryKvStores({ disk });
    const kit = await startOn(other, "/v1");
    const [left] = await leftOut(kit);
    assert(left !== undefined);

    const failure = { code: "storage.volume-needed", volume: left.id, isKnown: false, backlogCount: 0, lostCount: 0 };
    assert.deepEqual(await forget(kit, left.id), { ok: false, failure });

    await mustRead((await startOn(other, "/v1", "/v2")).ref, stored.manifest, "what only the volume knew of");
    const knowing = await startOn(other, "/v1");
    const needed = await forget(knowing, left.id);
    assert(!needed.ok && needed.failure.code === "storage.volume-needed" && needed.failure.isKnown);
    assert((await forget(knowing, left.id, true)).ok);
  });

  it("stay also where what says that they are given up was written, and its sync failed", async () => {
    const { disk, start } = world(TWO_AND_ONE);
    const stored = await putSome(await start("/v1", "/v2", "/v3"));
    const kit = await start("/v1", "/v2", "/v4");
    const [left] = await leftOut(kit);
    assert(left !== undefined);
    const replaceFile = disk.replaceFile.bind(disk);
    disk.replaceFile = async (path, bytes) => {
      await replaceFile(path, bytes);
      disk.replaceFile = replaceFile;
      return { ok: false, failure: { code: "disk.broken", path, errno: "EIO" } };
    };
    assert(!(await forget(kit, left.id)).ok);

    const again = await start("/v1", "/v2", "/v4", "/v3");
    const states = (await facts(again)).volumes.map(({ state }) => state);
    assert.deepEqual(states, ["present", "present", "present", "present"]);
    for (const { manifest } of stored) await mustRead(again.ref, manifest, "an object");
  });

  it("take no commit with them that nothing else holds: what was removed and put again stays, also in a new catalog (STO-92)", async () => {
    const { disk, start, startOn } = world("none");
    const one = await start("/v1");
    const payloads = Array.from({ length: 16 }, (_, at) => randomBytes((20 + at) * KiB, at));
    const stored: StoredObject[] = [];
    for (const bytes of payloads) stored.push(await mustPut(one, bytes));
    for (const { manifest } of stored) assert((await one.ref.call("removeObject", { manifest }, within)).ok);
    // Of some of them the new commit goes to the second volume; the first one has the old one still.
    const two = await start("/v1", "/v2");
    for (const bytes of payloads) await mustPut(two, bytes);
    const kit = await start("/v1");
    const [left] = await leftOut(kit);
    assert(left !== undefined);
    assert((await forget(kit, left.id)).ok);

    const next = await startOn(memoryKvStores({ disk }), "/v1");
    for (const { manifest } of stored) await mustRead(next.ref, manifest, "what was put again");
  });
});
