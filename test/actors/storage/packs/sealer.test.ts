/**
 * A seal that is under way when the pool of its pack ends: the catalog forgets what the pool had then, and learns it anew, so
 * that what it does not know of the pack is no sign of damage.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { encodeManifest } from "#actors/domain/manifest.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PackPool } from "#actors/storage/packs/pack-pool.ts";
import { RecordCheck } from "#actors/storage/packs/record-check.ts";
import { Sealer } from "#actors/storage/packs/sealer.ts";
import { Pause } from "#actors/storage/pause.ts";
import { VolumeLog } from "#actors/storage/spread/volume-log.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { silentLog } from "#test/kit/actor.ts";

const cpu = inlineCpu();

/** A pack with one commit. */
async function written(isKnown: boolean) {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/packs");
  const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 1 * MiB }), "a store opens");
  const catalog = new Catalog(kv);
  const files = new PackFiles(disk, "/packs", 4);
  const pool = new PackPool(files, catalog, seededRandom(1), {
    slot: 0,
    openPacksMax: () => 1,
    packSealBytes: () => 1 * MiB,
    onFull: () => undefined,
    onUnwritable: () => assert.fail("every pack may be written"),
  });
  const log = new VolumeLog({ pool, catalog, cpu, isOver: () => false, leave: () => () => undefined });
  const payload = [
    encodeManifest({
      size: 0,
      linkKind: "chunk",
      links: [],
      chunker: "fixed/1",
      object: digestFromBytes(cpu.digest(new Uint8Array(0))),
    }),
  ];
  const digests = digestChunk(payload, cpu);
  const commit = { sequence: 1, isTransient: false };
  const manifest = digestFromBytes(digests.digest);
  const record = { kind: "manifest", payload, digests, commit } as const;
  const enter = (entry: CatalogEntry): void => (isKnown ? catalog.insert(manifest, entry) : undefined);
  must(await log.append(record, enter), "it is written");
  await log.rotate();
  const [state] = [...catalog.packs.values()];
  assert(state !== undefined);
  return { catalog, disk, files, manifest, pool, state };
}

/** Of one that the catalog does not know, and what `meanwhile` does while the commit is read. */
async function sealed(
  meanwhile: (pool: PackPool) => void,
): Promise<{ readonly catalog: Catalog; readonly defects: readonly unknown[] }> {
  const { catalog, files, pool, state } = await written(false);
  const pause = new Pause(new ManualClock(), realScheduler);
  const check = new RecordCheck({ files, cpu, pause });
  const defects: unknown[] = [];
  const isReading = Promise.withResolvers<void>();
  const sealer = new Sealer({
    files,
    catalog,
    cpu,
    keeps: { fateOf: () => "loose" },
    check: {
      holds: (...where) => check.holds(...where),
      payload: (...where) => {
        meanwhile(pool);
        isReading.resolve();
        return check.payload(...where);
      },
    },
    onDamaged: () => assert.fail("nothing is damaged"),
    pause,
    log: silentLog,
    onDefect: (defect) => void defects.push(defect),
  });
  sealer.seal(state.pack, pool.disk);
  await isReading.promise;
  await sealer.close();
  return { catalog, defects };
}

it("storage: a commit in a full pack that the catalog does not know ends the life, for a new catalog", async () => {
  const { catalog, defects } = await sealed(() => undefined);

  assert.equal(defects.length, 1);
  assert(catalog.isDamaged);
});

it("storage: a commit in a pack whose pool ends while it is sealed says nothing of the catalog", async () => {
  const { catalog, defects } = await sealed((pool) => void pool.disk.end());

  assert.deepEqual(defects, []);
  assert(!catalog.isDamaged);
});

it("storage: a pack that the life leaves before all is looked at that the catalog alone may know of it is not sealed (STO-136)", async () => {
  const { catalog, disk, files, manifest, pool, state } = await written(true);
  const [record] = catalog.records("manifest", manifest);
  assert(record !== undefined);
  disk.flipByte(files.pathOf(state.pack), record.position);
  const pause = new Pause(new ManualClock(), realScheduler);
  const sealer = new Sealer({
    files,
    catalog,
    cpu,
    keeps: { fateOf: () => "loose" },
    check: new RecordCheck({ files, cpu, pause }),
    onDamaged: () => assert.fail("it is over"),
    pause,
    log: silentLog,
    onDefect: (defect) => assert.fail(String(defect)),
  });
  const isLooking = Promise.withResolvers<Promise<void>>();
  const { pagesIn } = catalog;
  catalog.pagesIn = (isMeant) => {
    isLooking.resolve(sealer.close());
    return pagesIn.call(catalog, isMeant);
  };

  sealer.seal(state.pack, pool.disk);
  await await isLooking.promise;

  assert.deepEqual([...catalog.packs.values()], [state]);
});
