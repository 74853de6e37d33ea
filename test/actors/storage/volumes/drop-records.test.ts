/** A volume that is dropped from the catalog, while the catalog's store refuses what is written to it. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { OVERLAY_CHANGES_MAX } from "#actors/storage/catalog/kv-overlay.ts";
import { packsBefore } from "#actors/storage/packs/pack-number.ts";
import { Pause } from "#actors/storage/pause.ts";
import { dropRecords } from "#actors/storage/spread/volume-records.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";

const WAITING_MAX = 2 * OVERLAY_CHANGES_MAX;
const RECORD_COUNT = 2 * WAITING_MAX;

it("storage: what waits in memory while a volume is dropped is bounded, and the rest is dropped another time (STO-127)", async () => {
  const stores = memoryKvStores();
  const kv = must(await stores.open("/catalog", { mapBytesMax: 64 * MiB }), "a store opens");
  const catalog = new Catalog(kv, () => true, WAITING_MAX);
  const random = seededRandom(1);
  const pack = packsBefore(1) + 1;
  for (let at = 0; at < RECORD_COUNT; at += 1) {
    const where = { pack, position: 256 * at, payloadOffset: 128, payloadBytes: 100 };
    catalog.insert(digestFromBytes(random.bytes(32)), { kind: "chunk", ...where, sequence: 0, damage: "none" });
    must(await catalog.room(), "there is room");
  }
  await catalog.flush();
  const drop = (): Promise<boolean> =>
    dropRecords(new Set([1]), { catalog, isOver: () => false, pause: new Pause(new ManualClock(), realScheduler) });
  stores.refuseBatches("no room");

  const isDropped = await drop();

  const left = catalog.totals.chunkCount;
  assert(
    !isDropped && left > RECORD_COUNT - 2 * WAITING_MAX && left < RECORD_COUNT,
    `${left} of ${RECORD_COUNT} are left`,
  );
  const { pagesIn } = catalog;
  catalog.pagesIn = () => assert.fail("there is no room for what a walk finds");
  assert(!(await drop()));
  catalog.pagesIn = pagesIn;
  stores.refuseBatches(undefined);
  await catalog.flush();
  assert(await drop());
  assert.equal(catalog.totals.chunkCount, 0);
});
