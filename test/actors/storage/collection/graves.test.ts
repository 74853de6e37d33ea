/** What is remembered of removals that are final, for as long as a pack holds what was removed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GRAVES_SWEPT_MIN } from "#actors/storage/collection/collector.ts";
import { GRAVE_AGE_MS_MIN } from "#actors/storage/collection/grave-sweep.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { fail, must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB, second } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { refuseReads } from "#test/actors/storage/refused-reads.ts";
import { directory, put, randomBytes, type StorageKit, startStorage, whole } from "#test/actors/storage/storage-kit.ts";
import { scrubbed } from "#test/actors/storage/volumes/spread-kit.ts";

const sealing = {
  config: { packSealBytes: 1 * MiB, writeQuotaBytes: 64 * MiB, collectBytesPerSecondMax: 1024 * 1024 * MiB },
} as const;

const FIRST = `${directory}/packs/00000001.pack`;
const COPIES = { dataShards: 1, parityShards: 1 } as const;

interface World {
  readonly kit: StorageKit;
  readonly kept: StoredObject;
  readonly removed: readonly StoredObject[];
}

async function putMany(kit: StorageKit): Promise<readonly StoredObject[]> {
  const stored: StoredObject[] = [];
  for (let from = 1; from <= GRAVES_SWEPT_MIN; from += 256) {
    const some = Array.from({ length: 256 }, (_, at) => mustPut(kit, randomBytes(100, from + at + 1)));
    stored.push(...(await Promise.all(some)));
  }
  return stored;
}

/** Many removals that are final; the first of them in a pack that stays, because most of it is live. */
async function manyGraves(): Promise<World> {
  const kit = await startStorage(sealing);
  const first = await mustPut(kit, randomBytes(1000, 0));
  const kept = await mustPut(kit, randomBytes(900 * KiB, 1));
  const removed = [first, ...(await putMany(kit))];
  for (let from = 0; from < removed.length; from += 256) {
    await Promise.all(removed.slice(from, from + 256).map((stored) => remove(kit, stored)));
  }
  const { blocked, buriedCount } = await collect(kit, true);
  assert.deepEqual([blocked, buriedCount], [undefined, removed.length]);
  return { kit, kept, removed };
}

async function cut({ disk }: StorageKit): Promise<void> {
  const opened = must(await disk.open(FIRST, "write"), "opened");
  must(await disk.truncate(opened, PACK_FRONT_BYTES + 10), "cut");
  await disk.close(opened);
}

/** Cuts the first pack, and waits until graves are old; answers with the life that is on by then. */
const cuts: Readonly<Record<string, (kit: StorageKit) => Promise<StorageKit>>> = {
  "between two lives": async (kit) => {
    await kit.actor.stop();
    await cut(kit);
    const next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });
    await whole(next);
    await next.clock.advance(GRAVE_AGE_MS_MIN);
    return next;
  },
  "while the node runs": async (kit) => {
    await cut(kit);
    await kit.clock.advance(GRAVE_AGE_MS_MIN);
    return kit;
  },
  "and nobody has noticed": async (kit) => {
    await kit.clock.advance(GRAVE_AGE_MS_MIN);
    // What is due is scrubbed by then.
    await scrubbed(kit);
    await cut(kit);
    return kit;
  },
};

describe("storage: graves (STO-22)", () => {
  it("are let go of when no pack holds what they cover, and no sooner", async () => {
    const { kit, kept, removed } = await manyGraves();
    assert.equal(kit.metric("storage_keeps"), removed.length);
    await collect(kit, false);
    assert.equal(kit.metric("storage_keeps"), removed.length, "young ones wait");

    await kit.clock.advance(GRAVE_AGE_MS_MIN);
    await collect(kit, false);
    const left = kit.metric("storage_keeps") ?? 0;
    assert(left > 0 && left < 600, `${left} of ${removed.length} are left`);

    // Without a catalog everything that a pack holds is found, and nothing that was removed comes back.
    kit.actor.kill("test");
    await kit.clock.settle();
    await kit.disk.removeTree(`${directory}/catalog`);
    const next = await startStorage({ ...sealing, disk: kit.disk });
    await whole(next);
    await mustRead(next.ref, kept.manifest, "what was kept");
    for (const { manifest } of removed) assert(!((await readObject(next.ref, manifest)) instanceof Uint8Array));
  });

  it("cover what was put and removed while the collection was under way that buries it", async () => {
    const kit = await startStorage(sealing);
    const small = (seed: number): Promise<StoredObject> => mustPut(kit, randomBytes(100, seed), { keepMs: 1 * second });
    // So many that what is held no longer is forgotten in several writes.
    for (let from = 0; from < 300; from += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, at) => small(from + at)));
    }
    await remove(kit, await mustPut(kit, randomBytes(900 * KiB, 1000)));
    await kit.clock.advance(5 * second);
    const { list, write } = kit.disk;
    let isListed = false;
    let removed: StoredObject | undefined;
    kit.disk.list = async (path) => {
      isListed ||= path === `${directory}/packs`;
      return await list.call(kit.disk, path);
    };
    kit.disk.write = async (...given) => {
      if (isListed) {
        isListed = false;
        kit.disk.list = list;
        kit.disk.write = write;
        removed = await mustPut(kit, randomBytes(20 * KiB, 1001));
        await mustPut(kit, randomBytes(900 * KiB, 1002));
        // It waits for this very write.
        void remove(kit, removed);
        await turns(50);
      }
      return await write.apply(kit.disk, given);
    };
    await collect(kit, true);
    assert(removed !== undefined);

    // Its pack is younger than those that were listed, and stays: most of it is live.
    for (let round = 0; round < 2; round += 1) {
      await kit.clock.advance(5 * second);
      await collect(kit, true);
      assert(!((await readObject(kit.ref, removed.manifest)) instanceof Uint8Array));
    }
  });

  it("cover what a put has failed to put again while it was compacted away (STO-121)", async () => {
    const disk = new MemoryDisk();
    const kit = await startStorage({ disk, config: { compactBelowPercent: 90 } });
    await mustPut(kit, randomBytes(300 * KiB, 1));
    const bytes = randomBytes(300 * KiB, 2);
    const removed = await mustPut(kit, bytes);
    await mustPut(kit, randomBytes(3000, 3));
    await remove(kit, removed);
    const { open, write } = disk;
    let failed: unknown;
    // When the pack is made that what is live goes to, the disk is full for the put alone.
    disk.open = async (path, mode) => {
      if (mode === "create-new" && path.startsWith(`${directory}/packs/`) && failed === undefined) {
        failed = false;
        disk.write = async (descriptor, parts, position) => {
          const isRecord = position >= PACK_FRONT_BYTES;
          return isRecord ? fail({ code: "disk.full", path }) : await write.call(disk, descriptor, parts, position);
        };
        failed = !(await put(kit, bytes)).ok;
        disk.write = write;
      }
      return await open.call(disk, path, mode);
    };

    const { packsCompacted } = await collect(kit, true);

    assert.deepEqual({ failed, packsCompacted }, { failed: true, packsCompacted: 1 });
    for (let round = 0; round < 3; round += 1) {
      assert(!((await readObject(kit.ref, removed.manifest)) instanceof Uint8Array));
      await collect(kit, round > 0);
    }
  });

  for (const [when, cutAndWait] of Object.entries(cuts)) {
    it(`stay, all of them, while a pack is cut (${when}), and cover what lay behind its end when it is put back (STO-93, STO-127)`, async () => {
      const { kit, kept, removed } = await manyGraves();
      const file = must(await kit.disk.readFile(FIRST), "the pack is read");
      const cut = await cutAndWait(kit);

      await collect(cut, false);

      assert.equal(cut.metric("storage_keeps"), removed.length);
      await cut.actor.stop();
      must(await kit.disk.replaceFile(FIRST, file), "put back");
      const next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });
      await whole(next);
      await mustRead(next.ref, kept.manifest, "what was kept");
      for (const { manifest } of removed) assert(!((await readObject(next.ref, manifest)) instanceof Uint8Array));
    });
  }

  it("stay, all of them, where a place of a pack cannot be read", async () => {
    const { kit, removed } = await manyGraves();
    await kit.clock.advance(GRAVE_AGE_MS_MIN);
    const mend = refuseReads(kit.disk, () => true);
    await collect(kit, false);
    mend();
    assert.equal(kit.metric("storage_keeps"), removed.length);
  });

  it("stay while a volume is left out that may hold what they cover (STO-79)", async () => {
    const disk = new MemoryDisk({ capacityBytes: 1 * GiB });
    const kv = memoryKvStores({ disk });
    // The packs stay that hold them.
    const config = { ...sealing.config, compactBelowPercent: 0 };
    const start = async (...directories: readonly string[]): Promise<StorageKit> => {
      const kit = await startStorage({ disk, kv, volumes: { directories, erasure: COPIES }, config });
      await whole(kit);
      return kit;
    };
    const end = async (kit: StorageKit): Promise<void> => {
      kit.actor.kill("test");
      await kit.clock.settle();
    };
    const both = await start("/v1", "/v2");
    const removed = await putMany(both);
    for (const stored of removed) await remove(both, stored);
    assert.equal((await collect(both, true)).buriedCount, removed.length);
    await end(both);
    const one = await start("/v1");
    await one.clock.advance(GRAVE_AGE_MS_MIN);
    await collect(one, false);
    assert.equal(one.metric("storage_keeps"), removed.length);
    await end(one);

    const again = await start("/v1", "/v2");
    for (const { manifest } of removed) assert(!((await readObject(again.ref, manifest)) instanceof Uint8Array));
  });
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
