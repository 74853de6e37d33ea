/** What was removed for good stays so where its pack, which was gone or cut, and is forgotten, is put back (STO-131). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { GRAVES_KEPT_MAX, GraveSweep, type GraveSweepDeps } from "#actors/storage/collection/grave-sweep.ts";
import { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import type { GravesAsked } from "#actors/storage/keeps/keeping.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { Pause } from "#actors/storage/pause.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must, ok } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { Throttle } from "#runtime/throttle.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { turns } from "#test/actors/storage/refused-reads.ts";
import { randomBytes, type StorageKit, startStorage, whole } from "#test/actors/storage/storage-kit.ts";

const config = { packSealBytes: 1 * MiB } as const;

const losses: Readonly<Record<string, (kit: StorageKit) => Promise<void>>> = {
  gone: async ({ disk }) => void must(await disk.remove(firstPack), "away"),
  cut: async ({ disk }) => {
    const opened = must(await disk.open(firstPack, "write"), "opened");
    must(await disk.truncate(opened, PACK_FRONT_BYTES + 500 * KiB), "cut");
    await disk.close(opened);
  },
};

async function nextLife(kit: StorageKit): Promise<StorageKit> {
  const next = await startStorage({ config, disk: kit.disk, kv: kit.kv });
  await whole(next);
  return next;
}

describe("storage: a pack that is forgotten while something of it is not there (STO-131)", () => {
  for (const [what, lose] of Object.entries(losses)) {
    it(`(${what}) brings nothing back that was removed for good, when it is put back`, async () => {
      const kit = await startStorage({ config });
      const removed: StoredObject[] = [];
      for (const seed of [1, 2, 3, 4, 5]) removed.push(await mustPut(kit, randomBytes(450 * KiB, seed)));
      await turns();
      const file = must(await kit.disk.readFile(firstPack), "read");
      await kit.actor.stop();
      await lose(kit);
      const without = await nextLife(kit);
      for (const stored of removed) await remove(without, stored);
      // With it go all packs that were there by then.
      await collect(without, true);
      await mustPut(without, randomBytes(450 * KiB, 11));
      await collect(without, false);
      await without.actor.stop();
      must(await kit.disk.replaceFile(firstPack, file), "put back");

      const next = await nextLife(kit);

      for (const { manifest } of removed) assert(!((await readObject(next.ref, manifest)) instanceof Uint8Array));
    });
  }

  it("is known over restarts", async () => {
    const store = must(await memoryKvStores().open("/catalog", { mapBytesMax: 1 * MiB }), "a store opens");
    const catalog = new Catalog(store);
    for (const pack of [7, 3, 5]) catalog.numbers.forget(pack);
    await catalog.flush();

    assert.deepEqual(new Catalog(store).numbers.forgotten, [3, 7]);
  });
});

describe("storage: a sweep of the graves, where a pack was forgotten that may be put back (STO-131)", () => {
  for (const [count, belowPack] of [
    [GRAVES_KEPT_MAX - 1, 3],
    [GRAVES_KEPT_MAX, Number.POSITIVE_INFINITY],
  ] as const) {
    it(`asks about those that may speak of it only when there are many (${count})`, async () => {
      const disk = new MemoryDisk();
      await disk.makeDirectory("/packs");
      const store = must(await memoryKvStores().open("/catalog", { mapBytesMax: 1 * MiB }), "a store opens");
      const catalog = new Catalog(store);
      catalog.numbers.forget(3);
      const asked: GravesAsked[] = [];
      const keeping: GraveSweepDeps["keeping"] = {
        count,
        forget: async () => ok(),
        graves: async (what) => {
          asked.push(what);
          return new Map();
        },
      };
      const clock = new ManualClock();
      const { signal } = new AbortController();
      const files = new PackFiles(disk, "/packs", 4);
      const throttle = new Throttle(clock, () => 1 * MiB, signal);
      const pause = new Pause(clock, realScheduler);
      const deps = { files, catalog, keeping, clock, pause, throttle };

      await new GraveSweep({ ...deps, readers: new PackReaders(), cpu: inlineCpu(), isOver: () => false }).run();

      assert.deepEqual(
        asked.map((one) => one.belowPack),
        [belowPack],
      );
    });
  }
});
