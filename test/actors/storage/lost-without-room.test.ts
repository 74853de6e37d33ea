/** Packs that are gone while the catalog's store refuses what is written to it, as on a full disk: more records than may wait in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { isGone } from "#actors/storage/catalog/catalog-records.ts";
import { OVERLAY_CHANGES_MAX } from "#actors/storage/catalog/kv-overlay.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { Pause } from "#actors/storage/pause.ts";
import { settleLost, takeBack } from "#actors/storage/recovery/lost-packs.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { refuseReads } from "#test/actors/storage/refused-reads.ts";
import { silentLog } from "#test/kit/actor.ts";

const WAITING_MAX = 2 * OVERLAY_CHANGES_MAX;
const RECORD_COUNT = 2 * WAITING_MAX;
const RECORD_BYTES = 256;
const PACK_BYTES = PACK_FRONT_BYTES + RECORD_BYTES * RECORD_COUNT;
const pause = new Pause(new ManualClock(), realScheduler);

/** Its first pack is gone, and the store refuses to be told. */
async function settled() {
  const stores = memoryKvStores();
  const kv = must(await stores.open("/catalog", { mapBytesMax: 64 * MiB }), "a store opens");
  const catalog = new Catalog(kv, () => true, WAITING_MAX);
  const random = seededRandom(1);
  const mark = random.bytes(8);
  catalog.setPack({ pack: 1, mark, checkpoint: PACK_BYTES, epoch: 1, recordCount: RECORD_COUNT, sealed: true });
  const digests = Array.from({ length: RECORD_COUNT }, () => digestFromBytes(random.bytes(32)));
  for (const [at, digest] of digests.entries()) {
    const position = PACK_FRONT_BYTES + RECORD_BYTES * at;
    const where = { pack: 1, position, payloadOffset: 128, payloadBytes: 100 };
    catalog.insert(digest, { kind: "chunk", ...where, sequence: 0, damage: "none" });
    must(await catalog.room(), "there is room");
  }
  catalog.setComplete();
  await catalog.flush();
  stores.refuseBatches("no room");
  const lost = [...catalog.packs.values()].map((state) => ({ state, sizeBytes: undefined }));
  await settleLost(lost, { catalog, isOver: () => false, log: silentLog, pause });
  const heldCount = (known = catalog): number => digests.filter((digest) => known.holds("chunk", digest)).length;
  return { stores, kv, catalog, heldCount };
}

describe("storage: packs that are gone while the catalog's store has no room (STO-93)", () => {
  it("are marked as far as there is room to spare, and nothing that they held is relied upon, in a later life too", async () => {
    const { catalog, heldCount, kv, stores } = await settled();

    const { damagedCount } = catalog.totals;
    assert(damagedCount > 0 && damagedCount < WAITING_MAX, `${damagedCount} are marked`);
    assert((await catalog.room()).ok, "what cannot be done without has room");
    assert.equal(heldCount(), 0);
    stores.refuseBatches(undefined);
    await catalog.flush();
    assert.equal(heldCount(new Catalog(kv)), 0);
  });

  it("stay gone where they are back, and what does not hold of them could not be marked (STO-126, STO-135)", async () => {
    const { catalog, heldCount } = await settled();
    const { back } = await backEmpty();

    must(await back(catalog), "it is read");

    assert([...catalog.packs.values()].every(isGone));
    assert.equal(heldCount(), 0);
  });

  it("count again only where they were read, also after an attempt to read them that ended in the middle (STO-135)", async () => {
    const { catalog, heldCount, kv, stores } = await settled();
    const { back, disk } = await backEmpty();
    stores.refuseBatches(undefined);
    await catalog.flush();
    const mend = refuseReads(disk, (_path, _descriptor, into) => into.length === RECORD_BYTES / 2, "ENOMEM");
    assert.equal((await back(catalog)).ok, false);
    await catalog.flush();
    assert.equal(heldCount(new Catalog(kv)), 0);
    mend();
    const next = new Catalog(kv);

    must(await back(next), "it is read");

    assert.equal(heldCount(next), 0);
  });
});

/** The pack is there again, as long as it was, and empty. */
async function backEmpty() {
  const disk = new MemoryDisk();
  must(await disk.makeDirectory("/data/packs"), "made");
  must(await disk.replaceFile(firstPack, new Uint8Array(PACK_BYTES)), "put back");
  const files = new PackFiles(disk, "/data/packs", 4);
  const back = (catalog: Catalog) =>
    takeBack(0, { catalog, cpu: inlineCpu({ disk }), files, isOver: () => false, log: silentLog, pause });
  return { back, disk };
}
