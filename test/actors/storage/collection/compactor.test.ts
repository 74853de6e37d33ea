/**
 * What becomes of a pack that is emptied when its pool ends in the middle of it, when a pack that it goes to is lost, or when what it
 * holds is not found there.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import { Compactor } from "#actors/storage/collection/compactor.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PackPool } from "#actors/storage/packs/pack-pool.ts";
import { Pause } from "#actors/storage/pause.ts";
import { VolumeLog } from "#actors/storage/spread/volume-log.ts";
import { fail, must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Throttle } from "#runtime/throttle.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { randomBytes } from "#test/kit/objects.ts";

const cpu = inlineCpu();

/** A pack with records. */
async function stage(...sizes: readonly number[]) {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/packs");
  const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 1 * MiB }), "a store opens");
  const catalog = new Catalog(kv);
  const files = new PackFiles(disk, "/packs", 4);
  let sealBytes = 4 * MiB;
  const pool = new PackPool(files, catalog, seededRandom(1), {
    slot: 0,
    openPacksMax: () => 1,
    packSealBytes: () => sealBytes,
    onFull: () => undefined,
    onUnwritable: () => assert.fail("every pack may be written"),
  });
  const log = new VolumeLog({ pool, catalog, cpu, isOver: () => false, leave: () => () => undefined });
  const appended = sizes.map((sizeBytes) => {
    const payload = [randomBytes(sizeBytes, 1)];
    const digests = digestChunk(payload, cpu);
    const digest = digestFromBytes(digests.digest);
    return log.append({ kind: "chunk", payload, digests }, (entry) => catalog.insert(digest, entry));
  });
  for (const one of await Promise.all(appended)) must(one, "it is written");
  await log.rotate();
  const [state] = [...catalog.packs.values()];
  assert(state !== undefined);
  assert(await pool.reserve(state.pack));
  sealBytes = 1 * MiB;
  const clock = new ManualClock();
  const life = { isOver: false };
  const compactor = new Compactor({
    files,
    catalog,
    cpu,
    pause: new Pause(clock, realScheduler),
    throttle: new Throttle(clock, () => 64 * MiB, new AbortController().signal),
    onDamaged: () => assert.fail("nothing is damaged"),
    isOver: () => life.isOver,
  });
  return { catalog, compactor, disk, life, pool, state };
}

describe("storage: a pack that is emptied while its pool ends (STO-105)", () => {
  for (const isWorthKeeping of [true, false]) {
    it(`is kept ${isWorthKeeping ? "with what is live" : "though nothing in it is live: it may be written to by then"}`, async () => {
      const { catalog, compactor, disk, pool, state } = await stage(5000);
      const isLive = (): boolean => {
        void pool.close();
        return isWorthKeeping;
      };

      const emptied = await compactor.empty(state, isLive, pool);

      assert.deepEqual(emptied, fail({ code: "disk.broken", path: "volume 0", errno: "ENODEV" }));
      assert.deepEqual([...catalog.packs.keys()], [state.pack]);
      assert.equal(must(await disk.list("/packs"), "the packs can be listed").length, 1);
    });
  }
});

describe("storage: a pack that is emptied, and has lost what is live in it (STO-93)", () => {
  it("is kept, and what was unreadable may be put back", async () => {
    const { catalog, compactor, disk, pool, state } = await stage(5000);
    const [record] = [...catalog.pagesIn((pack) => pack === state.pack)].flat();
    assert(record !== undefined);
    const { digest, entry } = record;
    catalog.markDamaged(digest, entry, "unreadable");
    disk.flipByte("/packs/00000001.pack", entry.position + 50);

    const emptied = await compactor.empty(state, () => true, pool);

    assert.deepEqual(emptied, fail({ code: "damaged" }));
    assert.deepEqual(catalog.records("chunk", digest), [{ ...entry, damage: "unreadable" }]);
  });
});

describe("storage: a pack that is emptied, of which the catalog alone knows a record (STO-136)", () => {
  it("is kept where the life ends before all that it may know is looked at", async () => {
    const { catalog, compactor, disk, life, pool, state } = await stage(5000);
    const [record] = [...catalog.pagesIn((pack) => pack === state.pack)].flat();
    assert(record !== undefined);
    disk.flipByte("/packs/00000001.pack", record.entry.position + 50);
    const { pagesIn } = catalog;
    catalog.pagesIn = (isMeant) => {
      life.isOver = true;
      return pagesIn.call(catalog, isMeant);
    };

    const emptied = await compactor.empty(state, () => true, pool);

    assert.deepEqual(emptied, fail({ code: "over" }));
    assert.deepEqual([...catalog.packs.keys()], [state.pack]);
  });
});

describe("storage: a pack that is emptied into packs of which one is lost meanwhile", () => {
  it("stays, with all that is live (STO-95)", async () => {
    const { catalog, compactor, disk, pool, state } = await stage(700 * KiB, 600 * KiB, 5000);
    const targets: number[] = [];
    const isLive = (): boolean => {
      // The last one, when the first of the packs that are written is full.
      const filled = [...catalog.packs.keys()].slice(1, -1);
      for (const pack of filled.filter((one) => !targets.includes(one))) {
        targets.push(pack);
        void pool.lose(pack);
      }
      return true;
    };

    const emptied = await compactor.empty(state, isLive, pool);

    assert.equal(targets.length, 1);
    assert.deepEqual(emptied, fail({ code: "disk.not-found", path: `/packs/0000000${targets[0]}.pack` }));
    assert.equal([...catalog.pagesIn((pack) => pack === state.pack)].flat().length, 3);
    assert((await disk.open(`/packs/0000000${state.pack}.pack`, "read")).ok);
  });
});
