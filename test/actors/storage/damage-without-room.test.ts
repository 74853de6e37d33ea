/** A disk that refuses everything while the catalog's store takes nothing: more damage than may wait in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import { Meters } from "#actors/storage/meters.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PackPool } from "#actors/storage/packs/pack-pool.ts";
import { RecordCheck } from "#actors/storage/packs/record-check.ts";
import { Pause } from "#actors/storage/pause.ts";
import { Reader } from "#actors/storage/reads/reader.ts";
import { Scrubber } from "#actors/storage/scrub/scrubber.ts";
import { VolumeLog } from "#actors/storage/spread/volume-log.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { hour, MiB } from "#runtime/units.ts";
import { refuseReads, turns } from "#test/actors/storage/refused-reads.ts";
import { silentLog } from "#test/kit/actor.ts";
import { randomBytes } from "#test/kit/objects.ts";

const RECORD_COUNT = 40;
const WAITING_MAX = 16;
const PACK = 1;

/** A pack of records, read by a reader and a scrubber. The catalog has them all in its store. */
async function stage() {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/data/packs");
  const stores = memoryKvStores();
  const kv = must(await stores.open("/catalog", { mapBytesMax: 1 * MiB }), "a store opens");
  const catalog = new Catalog(kv, () => true, WAITING_MAX);
  const clock = new ManualClock();
  const cpu = inlineCpu({ disk });
  const pause = new Pause(clock, realScheduler);
  const files = new PackFiles(disk, "/data/packs", 4);
  const pool = new PackPool(files, catalog, seededRandom(1), {
    slot: 0,
    openPacksMax: () => 1,
    packSealBytes: () => 4 * MiB,
    onFull: () => undefined,
    onUnwritable: () => assert.fail("every pack may be written"),
  });
  const volumeLog = new VolumeLog({ pool, catalog, cpu, isOver: () => false, leave: () => () => undefined });
  const digests: Digest[] = [];
  for (let number = 0; number < RECORD_COUNT; number += 1) {
    const payload = [randomBytes(1000, number)];
    const chunk = digestChunk(payload, cpu);
    const digest = digestFromBytes(chunk.digest);
    digests.push(digest);
    const contents = { kind: "chunk", payload, digests: chunk } as const;
    must(await volumeLog.append(contents, (entry) => catalog.insert(digest, entry)), "it is written");
  }
  await volumeLog.rotate();
  await catalog.flush();

  const told: unknown[] = [];
  const log: Log = { ...silentLog, warn: (words, values) => told.push([words, values]) };
  const metrics = new Metrics();
  const shared = { catalog, clock, cpu, files, log, pause, readers: new PackReaders() };
  const onDefect = (defect: unknown): never => assert.fail(String(defect));
  const reader = new Reader({
    ...shared,
    keeps: { count: 0, damage: undefined, fateOf: () => "kept", get: () => undefined },
    meters: new Meters(metrics),
    isLacking: () => false,
    isRecovered: () => true,
    onReadFailed: () => undefined,
    onDamaged: () => undefined,
    onDefect,
  });
  const scrubber = new Scrubber({
    ...shared,
    config: () => ({ collectBytesPerSecondMax: 64 * MiB, scrubPeriodMs: 720 * hour }),
    check: new RecordCheck(shared),
    damageWalk: { run: async () => [] },
    generation: () => 0,
    isSettling: () => false,
    findLost: async () => undefined,
    scrubbedBytes: metrics.counter("scrubbed", "Bytes."),
    onDamaged: reader.markDamaged,
    onDefect,
    signal: new AbortController().signal,
  });
  const scrub = async (): Promise<void> => {
    scrubber.scrubNow();
    for (let time = 0; time < 100 && scrubber.facts.isRunning; time += 1) {
      await clock.advance(100);
      await turns();
    }
    assert(!scrubber.facts.isRunning);
  };
  const readAll = async (): Promise<void> => {
    for (const digest of digests) await reader.chunk(digest);
    await turns();
  };
  const refuseStore = async (): Promise<void> => {
    stores.refuseBatches("no room");
    catalog.setVerified(PACK, 0);
    await catalog.flush();
    assert.notEqual(catalog.refusal, undefined);
  };
  const mendStore = async (): Promise<void> => {
    stores.refuseBatches(undefined);
    await catalog.flush();
  };
  const unverifiedBytes = (): number => scrubber.facts.unverifiedBytes;
  return { catalog, disk, mendStore, readAll, refuseStore, scrub, told, unverifiedBytes };
}

describe("storage: damage while the catalog's store has no room (STO-146)", () => {
  it("is marked by a scrub as far as there is room to spare; the pack stays due, and all of it is marked later", async () => {
    const { catalog, disk, mendStore, refuseStore, scrub, told, unverifiedBytes } = await stage();
    refuseReads(disk, () => true);
    await refuseStore();

    await scrub();

    const { damagedCount } = catalog.totals;
    assert(damagedCount > 0 && damagedCount < WAITING_MAX, `${damagedCount} are marked`);
    assert((await catalog.room()).ok, "what cannot be done without has room");
    assert.deepEqual([catalog.verifiedAtMs(PACK), unverifiedBytes()], [0, catalog.packBytes]);
    assert.deepEqual(told, [["pack not verified", { pack: PACK, unmarkedCount: RECORD_COUNT - damagedCount }]]);
    await mendStore();
    await scrub();
    assert.deepEqual([catalog.totals.damagedCount, unverifiedBytes()], [RECORD_COUNT, 0]);
  });

  it("is marked by reads as far as there is room to spare, and by those that come later", async () => {
    const { catalog, disk, mendStore, readAll, refuseStore } = await stage();
    refuseReads(disk, () => true);
    await refuseStore();

    await readAll();

    const { damagedCount } = catalog.totals;
    assert(damagedCount > 0 && damagedCount < WAITING_MAX, `${damagedCount} are marked`);
    await mendStore();
    await readAll();
    assert.equal(catalog.totals.damagedCount, RECORD_COUNT);
  });

  for (const way of ["scrub", "readAll"] as const) {
    it(`is known of, so that no put relies on what nobody has read (${way})`, async () => {
      const { catalog, disk, refuseStore, ...does } = await stage();
      refuseReads(disk, () => true);
      await refuseStore();
      for (let more = 1; catalog.hasRoomToSpare; more += 1) catalog.setVerified(PACK + more, 0);

      await does[way]();

      assert.deepEqual([catalog.totals.damagedCount, catalog.hasDamage], [0, true]);
    });

    it(`that was the disk's is taken back in the same way (${way})`, async () => {
      const { catalog, disk, mendStore, refuseStore, ...does } = await stage();
      const mendDisk = refuseReads(disk, () => true);
      await does.scrub();
      await catalog.flush();
      assert.equal(catalog.totals.damagedCount, RECORD_COUNT);
      mendDisk();
      await refuseStore();

      await does[way]();

      const { damagedCount } = catalog.totals;
      assert(damagedCount > RECORD_COUNT - WAITING_MAX && damagedCount < RECORD_COUNT, `${damagedCount} are marked`);
      await mendStore();
      for (let round = 0; round < RECORD_COUNT; round += 1) await does[way]();
      assert.equal(catalog.totals.damagedCount, 0);
    });
  }
});
