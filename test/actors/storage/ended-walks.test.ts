/** Walks over all that the catalog has, when the life ends in the middle of them: they end with it, and nothing is concluded from a part. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { Catalog } from "#actors/storage/catalog.ts";
import { isGone } from "#actors/storage/catalog-records.ts";
import { settleLost, takeBack } from "#actors/storage/lost-packs.ts";
import { PackFiles } from "#actors/storage/pack-files.ts";
import { encodePackFront, PACK_FRONT_BYTES } from "#actors/storage/pack-format.ts";
import { Pause } from "#actors/storage/pause.ts";
import { liftRecords } from "#actors/storage/spread/volume-records.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { silentLog } from "#test/kit/actor.ts";

const RECORD_COUNT = 3000;
const RECORD_BYTES = 256;
const PACK_BYTES = PACK_FRONT_BYTES + RECORD_BYTES * RECORD_COUNT;

/** One pack in the catalog. Its life ends with the first page of the `endsIn`th walk, counted from one. */
async function known() {
  const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 64 * MiB }), "a store opens");
  const catalog = new Catalog(kv);
  const random = seededRandom(1);
  const mark = random.bytes(8);
  catalog.setPack({ pack: 1, mark, checkpoint: PACK_BYTES, epoch: 1, recordCount: RECORD_COUNT, sealed: true });
  const digests = Array.from({ length: RECORD_COUNT }, () => digestFromBytes(random.bytes(32)));
  for (const [at, digest] of digests.entries()) {
    const where = { pack: 1, position: PACK_FRONT_BYTES + RECORD_BYTES * at, payloadOffset: 128, payloadBytes: 100 };
    catalog.insert(digest, { kind: "chunk", ...where, sequence: 0, damage: "none" });
  }
  const disk = new MemoryDisk();
  must(await disk.makeDirectory("/data/packs"), "made");
  const life = { endsIn: 0, walkCount: 0, pageCount: 0, isOver: false };
  const { pagesIn } = catalog;
  catalog.pagesIn = function* (isMeant) {
    life.walkCount += 1;
    for (const page of pagesIn.call(catalog, isMeant)) {
      if (life.isOver) life.pageCount += 1;
      life.isOver ||= life.walkCount === life.endsIn;
      yield page;
    }
  };
  const deps = {
    catalog,
    cpu: inlineCpu({ disk }),
    files: new PackFiles(disk, "/data/packs", 4),
    isOver: () => life.isOver,
    log: silentLog,
    pause: new Pause(new ManualClock(), realScheduler),
  };
  const settle = (): Promise<void> =>
    settleLost(
      [...catalog.packs.values()].map((state) => ({ state, sizeBytes: undefined })),
      deps,
    );
  const heldCount = (): number => digests.filter((digest) => catalog.holds("chunk", digest)).length;
  return { catalog, deps, digests, disk, heldCount, life, mark, settle };
}

describe("storage: a walk over the catalog, when the life ends in it (STO-136)", () => {
  it("leaves a pack that is gone to the next life", async () => {
    const { catalog, heldCount, life, settle } = await known();
    life.endsIn = 1;

    await settle();

    const states = [...catalog.packs.values()];
    assert.deepEqual([life.pageCount, states.map(({ isBack }) => isBack), heldCount()], [0, [true], RECORD_COUNT]);
    life.isOver = false;
    await settle();
    assert([...catalog.packs.values()].every(isGone));
    assert.equal(heldCount(), 0);
  });

  it("has what it marked of one counted again, where that is there by the next life", async () => {
    const { catalog, deps, disk, heldCount, mark } = await known();
    let left = 100;
    const [state] = [...catalog.packs.values()];
    assert(state !== undefined);
    await settleLost([{ state, sizeBytes: undefined }], { ...deps, isOver: () => left-- < 0 });
    assert(catalog.totals.damagedCount > 0);
    const file = new Uint8Array(PACK_BYTES);
    file.set(encodePackFront(1, mark));
    must(await disk.replaceFile(firstPack, file), "put back");

    must(await takeBack(0, deps), "it is read");

    assert.deepEqual([heldCount(), catalog.totals.damagedCount], [RECORD_COUNT, 0]);
  });

  it("brings back no pack that was given up meanwhile", async () => {
    const { catalog, deps, life } = await known();
    const pause = {
      ifDue: () => {
        if (life.walkCount === 1) catalog.removePack(1);
        return undefined;
      },
    };
    const [state] = [...catalog.packs.values()];
    assert(state !== undefined);

    await settleLost([{ state, sizeBytes: undefined }], { ...deps, pause });

    assert.equal(catalog.packs.size, 0);
  });

  for (const [endsIn, as] of [
    [2, "gone"],
    [3, "back"],
  ] as const) {
    it(`leaves one that is there again to the next life, as one that is ${as}`, async () => {
      const { catalog, deps, disk, heldCount, life, mark, settle } = await known();
      await settle();
      const [gone] = [...catalog.packs.values()];
      assert(gone !== undefined);
      catalog.setPack({ ...gone, isCut: true });
      const file = new Uint8Array(PACK_BYTES);
      file.set(encodePackFront(1, mark));
      must(await disk.replaceFile(firstPack, file), "put back, with nothing in it");
      life.endsIn = endsIn;

      must(await takeBack(0, deps), "nothing has failed");

      assert.deepEqual([life.pageCount, catalog.packs.get(1)?.isBack], [0, as === "back"]);
      life.isOver = false;
      must(await takeBack(0, deps), "it is read");
      assert.deepEqual([heldCount(), catalog.totals.damagedCount], [0, RECORD_COUNT]);
      assert.deepEqual([catalog.packs.get(1)?.checkpoint, catalog.packs.get(1)?.isCut], [PACK_FRONT_BYTES, true]);
    });
  }

  it("lifts no more of what a volume refused", async () => {
    const { catalog, deps, digests, life } = await known();
    for (const digest of digests) {
      const [entry] = catalog.records("chunk", digest);
      if (entry !== undefined) catalog.markDamaged(digest, entry, "unreadable");
    }
    const signal = {
      get aborted() {
        return life.isOver;
      },
    };
    life.endsIn = 1;

    await liftRecords(0, { ...deps, signal });

    assert.deepEqual([life.pageCount, catalog.totals.damagedCount], [0, RECORD_COUNT]);
  });
});
