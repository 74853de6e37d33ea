/**
 * What a rebuild takes from the seals of packs, where they disagree or cannot be read to their end. The packs are written
 * and sealed by hand.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { CHUNKER_DEFAULT } from "#actors/domain/chunk-profiles.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry, PackState } from "#actors/storage/catalog/catalog-records.ts";
import { digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import { isBadPlace, PackFiles } from "#actors/storage/packs/pack-files.ts";
import {
  encodePackFront,
  encodeSealEntry,
  encodeSealFooter,
  PACK_FRONT_BYTES,
  SEAL_ENTRY_BYTES,
} from "#actors/storage/packs/pack-format.ts";
import { layOutRecord } from "#actors/storage/packs/pack-write.ts";
import { RecordCheck } from "#actors/storage/packs/record-check.ts";
import { Pause } from "#actors/storage/pause.ts";
import { type AdoptSealDeps, adoptSeal } from "#actors/storage/recovery/adopt-seal.ts";
import { Recovery } from "#actors/storage/recovery/recovery.ts";
import { NO_MARK } from "#actors/storage/recovery/sequence-mark.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";
import { refuseReads, touching } from "#test/actors/storage/refused-reads.ts";
import { silentLog } from "#test/kit/actor.ts";
import { randomBytes } from "#test/kit/objects.ts";

const cpu = inlineCpu();
const digestOf = (bytes: Uint8Array): Digest => digestFromBytes(cpu.digest(bytes));
const markOf = (pack: number): Uint8Array => new Uint8Array(8).fill(pack);
const object = randomBytes(20 * KiB, 1);
const facts = { size: object.length, chunker: CHUNKER_DEFAULT, object: digestOf(object) };
const { root } = buildManifestTree(facts, [{ length: object.length, digest: digestOf(object) }], digestOf);

interface Sealed {
  readonly pack: number;
  readonly sizeBytes: number;
  /** Of the chunk, and of the manifest. */
  readonly entries: readonly CatalogEntry[];
  readonly tablePosition: number;
}

/** A pack with the object, committed under `sequence`, and its seal unless it is not wanted. */
async function writePack(disk: MemoryDisk, pack: number, sequence: number, isSealed = true): Promise<Sealed> {
  const mark = markOf(pack);
  const parts: Uint8Array[] = [encodePackFront(pack, mark)];
  const entries: CatalogEntry[] = [];
  const table: Uint8Array[] = [];
  let end = PACK_FRONT_BYTES;
  for (const [kind, bytes] of [
    ["chunk", object],
    ["manifest", root.bytes],
  ] as const) {
    const isCommit = kind === "manifest";
    const open = { pack, mark, descriptor: 0, counted: false, end, epoch: 0, recordCount: 0 };
    const digests = digestChunk([bytes], cpu);
    const contents = {
      kind,
      payload: [bytes],
      digests,
      commit: isCommit ? { sequence, isTransient: false } : undefined,
    };
    const laidOut = layOutRecord(parts, open, end, contents, cpu.digest);
    entries.push(laidOut.entry);
    end = laidOut.end;
    const objectBytes = isCommit ? object.length : 0;
    const commit = { object: isCommit ? facts.object : undefined, objectBytes, isTransient: false };
    table.push(encodeSealEntry({ ...laidOut.entry, ...commit, digest: digestOf(bytes) }));
  }
  const tableDigest = cpu.digest(Buffer.concat(table));
  const footer = encodeSealFooter({ entryCount: table.length, tablePosition: end, tableDigest }, mark);
  if (isSealed) parts.push(...table, footer);
  const descriptor = must(await disk.open(pathOf(pack), "create-new"), "a pack is made");
  must(await disk.write(descriptor, parts, 0), "a pack is written");
  must(await disk.sync(descriptor), "a pack is synced");
  await disk.close(descriptor);
  await disk.syncDirectory("/data/packs");
  const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
  return { pack, sizeBytes, entries, tablePosition: end };
}

function pathOf(pack: number): string {
  return `/data/packs/0000000${pack}.pack`;
}

interface Stage extends AdoptSealDeps {
  readonly disk: MemoryDisk;
  adopt(sealed: Sealed): Promise<PackState | undefined>;
}

async function stage(): Promise<Stage> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/data/packs");
  const kv = must(await memoryKvStores().open("/data/catalog", { mapBytesMax: 64 * MiB }), "a store opens");
  const files = new PackFiles(disk, "/data/packs", 4);
  const pause = new Pause(new ManualClock(), realScheduler);
  const check = new RecordCheck({ files, cpu: inlineCpu({ disk }), pause });
  const onUnreadable: AdoptSealDeps["onUnreadable"] = (failure) => assert(isBadPlace(failure));
  const deps = {
    ...{ files, catalog: new Catalog(kv), check, cpu, pause, onUnreadable },
    onFailure: mustBeReadable,
    keeps: { fateOf: () => "kept" as const, isHeldByPut: () => true },
    onEntering: () => undefined,
  };
  const adopt = ({ pack, sizeBytes }: Sealed): Promise<PackState | undefined> =>
    adoptSeal(pack, markOf(pack), sizeBytes, deps);
  return { ...deps, disk, adopt };
}

function sequencesOf(catalog: Catalog): readonly number[] {
  return catalog.commits(0, 1_000, 1_000).map(({ sequence }) => sequence);
}

describe("storage: two seals that list the same manifest", () => {
  for (const [first, second] of [
    [3, 9],
    [9, 3],
  ] as const) {
    it(`leave the newer commit, in whichever pack it is (${first}, then ${second}) (STO-10)`, async () => {
      const { disk, catalog, adopt } = await stage();
      const packs = [await writePack(disk, 1, first), await writePack(disk, 2, second)];

      for (const sealed of packs) assert((await adopt(sealed))?.sealed);

      assert.deepEqual(sequencesOf(catalog), [9]);
      assert.equal(catalog.find("manifest", root.digest)?.pack, first === 9 ? 1 : 2);
      assert.equal(catalog.totals.manifestCount, 1);
    });
  }
});

describe("storage: two seals that list the same chunk", () => {
  /** Adopts both, and tells which pack the chunk is read from then. */
  async function chosen(spoil: (disk: MemoryDisk, middle: number) => void): Promise<number | undefined> {
    const { disk, catalog, adopt } = await stage();
    const packs = [await writePack(disk, 1, 1), await writePack(disk, 2, 2)];
    spoil(disk, (packs[0]?.entries[0]?.position ?? 0) + 10 * KiB);
    for (const sealed of packs) assert((await adopt(sealed))?.sealed);
    return catalog.findIntact("chunk", facts.object)?.pack;
  }

  it("leave the one that is there already, where that holds", async () => {
    assert.equal(await chosen(() => undefined), 1);
  });

  it("leave the other one where that does not hold (STO-4)", async () => {
    assert.equal(await chosen((disk, middle) => disk.flipByte(firstPack, middle)), 2);
  });

  it("leave the other one where the disk refuses that (STO-4)", async () => {
    assert.equal(await chosen((disk, middle) => void refuseReads(disk, touching(firstPack, middle))), 2);
  });
});

describe("storage: the table of a seal that can be read once and not again", () => {
  it("is not taken for a shorter one: the start fails, and the next one tries again (STO-9)", async () => {
    const { disk, adopt } = await stage();
    const sealed = await writePack(disk, 1, 1);
    let readCount = 0;
    const undo = refuseReads(disk, (_path, _descriptor, into, from) => {
      if (from !== sealed.tablePosition || into.length !== 2 * SEAL_ENTRY_BYTES) return false;
      readCount += 1;
      return readCount > 1;
    });

    await assert.rejects(adopt(sealed), /a pack can be read/);
    undo();

    assert(readCount > 1);
    assert((await adopt(sealed))?.sealed);
  });
});

describe("storage: a rebuild that ends before it has entered what it found", () => {
  it("leaves no pack known as sealed: the next one has to look at it again", async () => {
    const { disk, catalog, files, pause } = await stage();
    await writePack(disk, 1, 1);
    await writePack(disk, 2, 2, false);
    let isOver = false;
    const recovery = new Recovery({
      slots: [0],
      keepsUnclaimed: false,
      isLacking: false,
      mark: NO_MARK,
      files,
      catalog,
      cpu: inlineCpu({ disk }),
      pause,
      random: seededRandom(1),
      log: silentLog,
      onProgress: () => undefined,
      keeps: { fateOf: () => "kept", highestSequence: 0, isHeldByPut: () => true },
      isOver: () => isOver,
    });
    // The last that happens before anything found behind the checkpoints is entered.
    const syncDirectory = disk.syncDirectory.bind(disk);
    disk.syncDirectory = async (directory) => {
      isOver = true;
      return await syncDirectory(directory);
    };

    await recovery.run();

    assert(isOver);
    assert.equal(sequencesOf(catalog).length, 1, "what the seal lists is in the catalog already");
    assert.deepEqual([...catalog.packs.keys()], []);
  });
});
