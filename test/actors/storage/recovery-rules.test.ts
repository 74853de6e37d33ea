/**
 * The rules of a recovery, one by one, on packs that are written by hand: what counts, in which order it is entered, what
 * is left alone, and what the next life may give out.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { CHUNKER_DEFAULT } from "#actors/domain/chunk-profiles.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { OVERLAY_WAITING_MAX } from "#actors/storage/catalog/kv-overlay.ts";
import { digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { encodePackFront, PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { layOutRecord } from "#actors/storage/packs/pack-write.ts";
import { Pause } from "#actors/storage/pause.ts";
import { Recovery, type RecoveryReport } from "#actors/storage/recovery/recovery.ts";
import { NO_MARK } from "#actors/storage/recovery/sequence-mark.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { firstPack, leaveBehind } from "#test/actors/storage/left-behind.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import {
  isFirstHeader,
  life,
  mustHold,
  refuseReads,
  sizes,
  stored,
  turns,
} from "#test/actors/storage/refused-reads.ts";
import { within } from "#test/actors/storage/storage-kit.ts";
import { silentLog } from "#test/kit/actor.ts";
import { randomBytes } from "#test/kit/objects.ts";

const cpu = inlineCpu();
const digestOf = (bytes: Uint8Array): Digest => digestFromBytes(cpu.digest(bytes));
const markOf = (pack: number): Uint8Array => new Uint8Array(8).fill(pack);

interface HandRecord {
  readonly kind: "chunk" | "manifest";
  readonly bytes: Uint8Array;
  readonly sequence: number;
  readonly epoch: number;
  /** Of another pack, where it is said. */
  readonly mark?: Uint8Array;
}

function chunkOf(bytes: Uint8Array, epoch = 0): HandRecord {
  return { kind: "chunk", bytes, sequence: 0, epoch };
}

/** The commit record of an object that is one chunk. */
function commitOf(object: Uint8Array, sequence: number, epoch = 0): HandRecord {
  const digest = digestOf(object);
  const facts = { size: object.length, chunker: CHUNKER_DEFAULT, object: digest };
  const { root } = buildManifestTree(facts, [{ length: object.length, digest }], digestOf);
  return { kind: "manifest", bytes: root.bytes, sequence, epoch };
}

interface Placed {
  readonly digest: Digest;
  readonly entry: CatalogEntry;
  /** Where the next record begins. */
  readonly end: number;
}

interface HandOptions {
  readonly hasHeader?: boolean;
  /** False: what is written can be read, and no later sync will bring it to the disk by itself. */
  readonly isSynced?: boolean;
}

interface Stage {
  readonly disk: MemoryDisk;
  readonly kv: MemoryKvStores;
  readonly catalog: Catalog;
}

async function stage(waitingMax?: number): Promise<Stage> {
  const [disk, kv] = [new MemoryDisk(), memoryKvStores()];
  await disk.makeDirectory("/data/packs");
  return { disk, kv, catalog: await freshCatalog(kv, "/data/catalog", waitingMax) };
}

async function freshCatalog(kv: MemoryKvStores, directory: string, waitingMax?: number): Promise<Catalog> {
  return new Catalog(must(await kv.open(directory, { mapBytesMax: 64 * MiB }), "a store opens"), undefined, waitingMax);
}

/** Answers with the place of each record, in their order. */
async function writePack(
  disk: MemoryDisk,
  pack: number,
  records: readonly HandRecord[],
  { hasHeader = true, isSynced = true }: HandOptions = {},
): Promise<readonly Placed[]> {
  const parts: Uint8Array[] = [hasHeader ? encodePackFront(pack, markOf(pack)) : new Uint8Array(PACK_FRONT_BYTES)];
  const placed: Placed[] = [];
  let end = PACK_FRONT_BYTES;
  for (const { kind, bytes, sequence, epoch, mark = markOf(pack) } of records) {
    const open = { pack, mark, descriptor: 0, counted: false, end, epoch, recordCount: 0 };
    const contents = {
      kind,
      payload: [bytes],
      digests: digestChunk([bytes], cpu),
      commit: { sequence, isTransient: false },
    };
    const laidOut = layOutRecord(parts, open, end, contents, cpu.digest);
    end = laidOut.end;
    placed.push({ ...laidOut, digest: digestOf(bytes) });
  }
  const files = new PackFiles(disk, "/data/packs", 4);
  const descriptor = must(await disk.open(files.pathOf(pack), "create-new"), "a pack is made");
  must(await disk.write(descriptor, parts, 0), "a pack is written");
  if (!isSynced) disk.failNext("sync", "EIO");
  assert.equal((await disk.sync(descriptor)).ok, isSynced);
  await disk.close(descriptor);
  await disk.syncDirectory("/data/packs");
  return placed;
}

/** The catalog knows the pack, and everything in it; what its commits say of their objects does not matter here. */
function know(catalog: Catalog, pack: number, placed: readonly Placed[], records: readonly HandRecord[]): void {
  for (const [index, { digest, entry }] of placed.entries()) {
    const bytes = records[index]?.bytes ?? new Uint8Array(0);
    if (entry.sequence === 0) catalog.insert(digest, entry);
    else
      catalog.insertCommit(
        { sequence: entry.sequence, manifest: digest, object: digestOf(bytes), sizeBytes: 1, isTransient: false },
        entry,
      );
  }
  const checkpoint = placed.at(-1)?.end ?? PACK_FRONT_BYTES;
  catalog.setPack({ pack, mark: markOf(pack), checkpoint, epoch: 1, recordCount: placed.length, sealed: false });
}

async function recover(
  { disk, catalog }: Pick<Stage, "disk" | "catalog">,
  isOver: () => boolean = () => false,
  highestSequence = 0,
): Promise<RecoveryReport> {
  const files = new PackFiles(disk, "/data/packs", 4);
  const recovery = new Recovery({
    slots: [0],
    keepsUnclaimed: false,
    isLacking: false,
    mark: NO_MARK,
    files,
    catalog,
    cpu: inlineCpu({ disk }),
    pause: new Pause(new ManualClock(), realScheduler),
    random: seededRandom(1),
    log: silentLog,
    onProgress: () => undefined,
    keeps: { fateOf: () => "kept", highestSequence, isHeldByPut: () => true },
    isOver,
  });
  const report = await recovery.run();
  await files.close();
  return report;
}

function sequencesOf(catalog: Catalog): readonly number[] {
  return catalog.commits(0, 1_000, 1_000).map(({ sequence }) => sequence);
}

const [one, two, three] = [randomBytes(3000, 1), randomBytes(20 * KiB, 2), randomBytes(5000, 3)];

describe("storage: a pack that is set aside", () => {
  it("is not written on, though it has room", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
    const first = await life(world, (kit) => stored(kit, one));
    // The start that finds it moves its checkpoint.
    await life(world, (kit) => mustHold(kit, [first], [one]));
    const before = (await sizes(world.disk)).get("00000001.pack");
    const undo = refuseReads(world.disk, isFirstHeader);

    const second = await life(world, (kit) => stored(kit, two));
    undo();

    assert.equal((await sizes(world.disk)).get("00000001.pack"), before);
    await life(world, (kit) => mustHold(kit, [first, second], [one, two]));
  });

  it("is not sealed, though it is full", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
    const first = await life(world, (kit) => stored(kit, two));
    await life(world, (kit) => mustHold(kit, [first], [two]));
    const before = await world.disk.readFile(firstPack);
    const undo = refuseReads(world.disk, isFirstHeader);

    await life({ ...world, config: { packSealBytes: 8 * KiB } }, turns);
    undo();

    assert.deepEqual(await world.disk.readFile(firstPack), before);
  });
});

describe("storage: packs that the catalog does not know", () => {
  it("are looked up by their slot: however many there are, the known ones are gone through as often", async () => {
    const timesAsked = async (packs: number): Promise<number> => {
      const { disk, catalog } = await stage();
      for (let pack = 1; pack <= packs; pack += 1) await writePack(disk, pack, []);
      const { numbers } = catalog;
      const lastOf = numbers.lastOf.bind(numbers);
      let times = 0;
      numbers.lastOf = (slot) => {
        times += 1;
        return lastOf(slot);
      };
      await recover({ disk, catalog });
      return times;
    };

    assert.equal(await timesAsked(9), await timesAsked(1));
  });
});

describe("storage: the epochs of a pack", () => {
  it("only rise: behind a newer one, an older one is what a cut had taken away, and is cut again", async () => {
    const { disk, catalog } = await stage();
    const placed = await writePack(disk, 1, [
      chunkOf(one, 0),
      commitOf(one, 1, 0),
      chunkOf(two, 2),
      commitOf(two, 2, 2),
      chunkOf(three, 1),
      commitOf(three, 3, 1),
    ]);

    const report = await recover({ disk, catalog });

    assert.deepEqual(sequencesOf(catalog), [1, 2]);
    assert.equal(report.recoveredCommitCount, 2);
    assert.equal((await sizes(disk)).get("00000001.pack"), placed[3]?.end);
  });

  it("rise with a recovery: what it made durable counts for later ones, even where it decays (STO-4)", async () => {
    const left = await leaveBehind(one);
    const second = await life(left, (kit) => stored(kit, two));
    left.disk.flipByte(firstPack, PACK_FRONT_BYTES + 500);

    await life({ disk: left.disk, kv: memoryKvStores() }, async (kit) => {
      const page = await kit.ref.call("listManifests", { after: undefined, limit: 10 }, within);
      assert(page.ok);
      const manifests = [...left.stored, second].map(({ manifest }) => manifest);
      assert.deepEqual(
        page.value.entries.map(({ manifest }) => manifest),
        manifests,
      );
      const [damaged] = left.stored;
      assert(damaged !== undefined && !((await readObject(kit.ref, damaged.manifest)) instanceof Uint8Array));
      // The object as it was heals it.
      await stored(kit, one);
      await mustHold(kit, [damaged, second], [one, two]);
    });
  });
});

describe("storage: the numbers of commits", () => {
  for (const packCount of [0, 1]) {
    it(`are left out behind what a removal speaks of, where ${packCount} packs are there (STO-134)`, async () => {
      const { disk, catalog } = await stage();
      if (packCount > 0) await writePack(disk, 1, [commitOf(one, 7)]);

      const { lastSequence } = await recover({ disk, catalog }, undefined, 5_000_000_000_000);

      // Of those that were given out with it nobody may have heard.
      assert(lastSequence > 5_000_000_000_000 + OVERLAY_WAITING_MAX, `${lastSequence}`);
    });
  }
});

describe("storage: what recovery found after a sync that failed", () => {
  it("survives a power cut, before and behind what does not count (STO-1)", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { disk, kv, catalog } = await stage();
      const dead = chunkOf(randomBytes(9000, 50));
      const records = [chunkOf(one), commitOf(one, 1), dead, chunkOf(two), commitOf(two, 2), dead, chunkOf(three)];
      await writePack(disk, 1, [...records, commitOf(three, 3)], { isSynced: false });
      assert.equal((await recover({ disk, catalog })).recoveredCommitCount, 3);
      disk.crash(seededRandom(seed));

      const next = await freshCatalog(kv, "/data/next");
      assert.equal((await recover({ disk, catalog: next })).recoveredCommitCount, 3, `seed ${seed}`);
      assert.deepEqual(sequencesOf(next), [1, 2, 3]);
    }
  });
});

describe("storage: what a recovery that was cut off had entered in part", () => {
  it("hides nothing that lies before it from the next sync (STO-1)", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { disk, kv, catalog } = await stage();
      const records = [chunkOf(one), commitOf(one, 1), chunkOf(two), commitOf(two, 2)];
      const placed = await writePack(disk, 1, records, { isSynced: false });
      for (const { digest, entry } of placed.slice(2)) catalog.insert(digest, entry);

      await recover({ disk, catalog });
      disk.crash(seededRandom(seed));

      const next = await freshCatalog(kv, "/data/next");
      await recover({ disk, catalog: next });
      assert(sequencesOf(next).includes(1), `seed ${seed}`);
    }
  });
});

describe("storage: a record that recovery finds where the catalog has it", () => {
  it("stays what somebody has found it to be meanwhile (STO-4)", async () => {
    const { disk, catalog } = await stage();
    const records = [chunkOf(one), commitOf(one, 1)];
    const placed = await writePack(disk, 1, records);
    know(catalog, 1, placed, records);
    // A life ended before the checkpoint moved.
    const state = { pack: 1, mark: markOf(1), epoch: 0, recordCount: 0, sealed: false };
    catalog.setPack({ ...state, checkpoint: PACK_FRONT_BYTES });
    catalog.setComplete();
    const [chunk] = placed;
    assert(chunk !== undefined);
    const { syncDirectory } = disk;
    disk.syncDirectory = async (path) => {
      catalog.markDamaged(chunk.digest, chunk.entry, "differs");
      return await syncDirectory.call(disk, path);
    };

    await recover({ disk, catalog });

    assert.deepEqual([catalog.at(chunk.digest, chunk.entry)?.damage, catalog.totals.damagedCount], ["differs", 1]);
    assert.deepEqual(sequencesOf(catalog), [1]);
  });
});

describe("storage: the commits that recovery found", () => {
  it("are entered oldest first: a recovery that ends in the middle has entered no later one without the earlier", async () => {
    const { disk, catalog } = await stage();
    await writePack(disk, 1, [chunkOf(two), commitOf(two, 2)]);
    await writePack(disk, 2, [chunkOf(one), commitOf(one, 1)]);
    let isOver = false;
    const insertCommit = catalog.insertCommit.bind(catalog);
    catalog.insertCommit = (...entered) => {
      insertCommit(...entered);
      isOver = true;
    };

    await recover({ disk, catalog }, () => isOver);

    assert.deepEqual(sequencesOf(catalog), [1]);
  });

  it("begin an era with the first of a pack that was not known, and not when all are entered (STO-10)", async () => {
    const { disk, catalog } = await stage();
    const known = [chunkOf(two), commitOf(two, 9)];
    know(catalog, 1, await writePack(disk, 1, known), known);
    catalog.setComplete();
    await writePack(disk, 2, [chunkOf(one), commitOf(one, 3)]);
    const { era } = catalog;
    const isEntered = (): boolean => sequencesOf(catalog).includes(3);

    await recover({ disk, catalog }, isEntered);

    assert(isEntered());
    assert.notEqual(catalog.era, era);
  });

  it("begin none where no list can have reached them (STO-10)", async () => {
    const { disk, catalog } = await stage();
    const known = [chunkOf(two), commitOf(two, 9)];
    know(catalog, 1, await writePack(disk, 1, known), known);
    catalog.setComplete();
    await writePack(disk, 2, [chunkOf(one), commitOf(one, 10)]);
    const { era } = catalog;

    await recover({ disk, catalog });

    assert.deepEqual(sequencesOf(catalog), [9, 10]);
    assert.equal(catalog.era, era);
  });

  it("do not take the place of a newer commit of the same manifest (STO-10)", async () => {
    const { disk, catalog } = await stage();
    const healed = [chunkOf(one), commitOf(one, 9)];
    know(catalog, 1, await writePack(disk, 1, healed), healed);
    await writePack(disk, 2, [chunkOf(one), commitOf(one, 3)]);
    catalog.setComplete();

    const report = await recover({ disk, catalog });

    assert.deepEqual(sequencesOf(catalog), [9]);
    assert.equal(catalog.find("manifest", digestOf(commitOf(one, 9).bytes))?.pack, 1);
    assert(report.lastSequence >= 9);
  });

  it("say nothing of a known record that cannot be read, where the copy of it cannot be read either (STO-4)", async () => {
    const { disk, catalog } = await stage();
    const known = [chunkOf(two), commitOf(two, 1)];
    const first = await writePack(disk, 1, known);
    know(catalog, 1, first, known);
    const second = await writePack(disk, 2, [chunkOf(two), commitOf(two, 2)]);
    const middles = [first[0], second[0]].map((placed) => (placed?.entry.position ?? 0) + 10 * KiB);
    const undo = refuseReads(disk, (path, _descriptor, into, from) => {
      const middle = path === firstPack ? middles[0] : middles[1];
      return middle !== undefined && from <= middle && middle < from + into.length;
    });

    await recover({ disk, catalog });
    undo();

    assert.equal(catalog.hasDamage, false, "what cannot be read is not damaged");
    assert.equal(catalog.findIntact("chunk", digestOf(two))?.pack, 1);
  });

  it("are made durable beside what nobody wants, and the disk does not let anybody read", async () => {
    const { disk, kv, catalog } = await stage();
    catalog.setComplete();
    const dead = chunkOf(randomBytes(30 * KiB, 50));
    const placed = await writePack(disk, 1, [dead, chunkOf(one), commitOf(one, 1)], { isSynced: false });
    const middle = (placed[0]?.entry.position ?? 0) + 20 * KiB;
    const undo = refuseReads(disk, (path, _descriptor, into, from) => {
      return path === firstPack && into.length !== 64 * KiB && from <= middle && middle < from + into.length;
    });

    const report = await recover({ disk, catalog });
    undo();
    disk.crash(seededRandom(1));

    assert.deepEqual([report.recoveredCommitCount, report.setAside], [1, []]);
    const next = await freshCatalog(kv, "/data/next");
    assert.equal((await recover({ disk, catalog: next })).recoveredCommitCount, 1);
  });

  it("are made durable beside what a cut that did not last had taken away, and is unreadable now", async () => {
    const { disk, catalog } = await stage();
    const stale = chunkOf(randomBytes(300 * KiB, 50), 0);
    const records = [chunkOf(one, 1), commitOf(one, 1, 1), stale, chunkOf(two, 1), commitOf(two, 2, 1)];
    const placed = await writePack(disk, 1, records, { isSynced: false });
    const middle = (placed[2]?.entry.position ?? 0) + 150 * KiB;
    const undo = refuseReads(disk, (path, _descriptor, into, from) => {
      return path === firstPack && from <= middle && middle < from + into.length;
    });

    const report = await recover({ disk, catalog });
    undo();

    assert.deepEqual([report.recoveredCommitCount, report.setAside], [2, []]);
  });

  it("stop a start whose catalog has no room for them, instead of filling the memory (STO-7)", async () => {
    const { disk, kv, catalog } = await stage(3);
    await writePack(disk, 1, [chunkOf(one), commitOf(one, 1), chunkOf(two), commitOf(two, 2)]);
    kv.refuseBatches("MDB_MAP_FULL");
    catalog.setComplete();
    await catalog.flush();
    assert(catalog.refusal !== undefined);

    await assert.rejects(recover({ disk, catalog }), /fits into memory/);
  });
});

describe("storage: a pack that the catalog knows and that is gone", () => {
  it("is forgotten, and not written any more", async () => {
    const { disk, catalog } = await stage();
    const records = [chunkOf(one), commitOf(one, 1)];
    know(catalog, 1, await writePack(disk, 1, records), records);
    know(catalog, 2, [], []);

    const report = await recover({ disk, catalog });

    assert.deepEqual([report.unsealed, [...catalog.packs.keys()]], [[1], [1]]);
  });
});
