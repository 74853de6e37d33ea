/**
 * What writers rely on: a pack that was cut back is as it was, also after a power cut; nothing is written that the catalog
 * has no room for; and what is known is referred to only where it holds.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { CHUNK_PROFILES, CHUNKER_DEFAULT } from "#actors/domain/chunk-profiles.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { Sequences } from "#actors/storage/catalog/sequences.ts";
import { digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import { makeGearTable } from "#actors/storage/chunks/gear-table.ts";
import { InUse } from "#actors/storage/collection/in-use.ts";
import { FOR_EVER } from "#actors/storage/keeps/keep.ts";
import { Keeping } from "#actors/storage/keeps/keeping.ts";
import { Keeps } from "#actors/storage/keeps/keeps.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { type OpenPack, PackPool } from "#actors/storage/packs/pack-pool.ts";
import { type FoundRecord, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import { digestOfRecord } from "#actors/storage/packs/record.ts";
import { RecordCheck } from "#actors/storage/packs/record-check.ts";
import { Pause } from "#actors/storage/pause.ts";
import { BATCH_BYTES_MAX, GroupCommit } from "#actors/storage/puts/group-commit.ts";
import { KnownRecords } from "#actors/storage/puts/known-records.ts";
import { Upload } from "#actors/storage/puts/upload.ts";
import { Space } from "#actors/storage/space.ts";
import { fail, must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Turns } from "#runtime/turns.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { mustHold, sizes, stored, turns } from "#test/actors/storage/refused-reads.ts";
import { packBytes, put, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const cpu = inlineCpu();
const digestOf = (bytes: Uint8Array): Digest => digestFromBytes(cpu.digest(bytes));
const broken = { code: "disk.broken", path: "", errno: "EIO" } as const;

async function stage(waitingMax?: number) {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/data/packs");
  await disk.syncDirectory("/data");
  const kv = memoryKvStores();
  const store = must(await kv.open("/data/catalog", { mapBytesMax: 64 * MiB }), "a store opens");
  const catalog = new Catalog(store, undefined, waitingMax);
  const files = new PackFiles(disk, "/data/packs", 4);
  const pool = new PackPool(files, catalog, seededRandom(1), {
    slot: 0,
    openPacksMax: () => 3,
    packSealBytes: () => 64 * MiB,
    onFull: () => undefined,
    onUnwritable: () => assert.fail("every pack may be written"),
  });
  return { disk, kv, catalog, files, pool };
}

type Stage = Awaited<ReturnType<typeof stage>>;

/** A pack with a thousand bytes behind its end, which have reached the disk. */
async function leaseWritten({ disk, pool }: Pick<Stage, "disk" | "pool">): Promise<OpenPack> {
  const pack = must(await pool.leaseShared(), "a pack is leased");
  must(await disk.write(pack.descriptor, [randomBytes(1000, 1)], pack.end), "it is written");
  must(await disk.sync(pack.descriptor), "it is synced");
  return pack;
}

describe("storage: what a pack is cut back to", () => {
  for (const way of ["withdraw", "retire", "abandonSpilled"] as const) {
    it(`does not come back with a power cut (${way}) (STO-10)`, async () => {
      for (let seed = 1; seed <= 10; seed += 1) {
        const { disk, pool } = await stage();
        const pack = await leaseWritten({ disk, pool });
        let isGone = false;
        const onGone = (): void => {
          isGone = true;
        };

        if (way === "abandonSpilled") await pool.abandonSpilled(pack);
        else assert(await pool[way](pack, onGone));

        assert.equal(isGone, way !== "abandonSpilled");
        disk.crash(seededRandom(seed));
        assert.equal((await sizes(disk)).get("00000001.pack"), PACK_FRONT_BYTES, `seed ${seed}`);
      }
    });
  }

  it("is not written on before it is cut, and then is (STO-8)", async () => {
    const { disk, pool } = await stage();
    const pack = await leaseWritten({ disk, pool });
    const { truncate } = disk;
    disk.truncate = async () => fail(broken);
    let isGone = false;
    const onGone = (): void => {
      isGone = true;
    };

    assert.equal(await pool.retire(pack, onGone), false);
    const other = must(await pool.leaseShared(), "another pack is leased");
    assert.deepEqual([other.pack, isGone], [2, false]);

    disk.truncate = truncate;
    const again = must(await pool.leaseShared(), "the pack is leased again");
    assert.deepEqual([again.pack, isGone], [1, true]);
    assert.equal((await sizes(disk)).get("00000001.pack"), PACK_FRONT_BYTES);
  });

  it("is read through no descriptor from before", async () => {
    const { disk, files, pool } = await stage();
    const pack = await leaseWritten({ disk, pool });
    assert((await files.read(pack.pack, new Uint8Array(8), 0)).ok);
    assert.equal(disk.openCount, 2);

    assert(await pool.retire(pack));

    assert.equal(disk.openCount, 0);
  });
});

describe("storage: a pack that cannot be made", () => {
  for (const [operation, errno] of [
    ["write", "ENOSPC"],
    ["syncDirectory", "EIO"],
  ] as const) {
    it(`leaves no file and no descriptor when its ${operation} fails`, async () => {
      const { disk, catalog, pool } = await stage();
      disk.failNext(operation, errno);

      assert(!(await pool.leaseShared()).ok);

      assert.equal((await sizes(disk)).size, 0);
      assert.equal(disk.openCount, 0);
      assert.equal(catalog.packs.size, 0);
    });
  }
});

/** All that a put is made of, with a catalog whose store refuses everything and whose memory is full. */
async function withoutRoom() {
  const all = await stage(1);
  const { disk, kv, catalog, files } = all;
  kv.refuseBatches("MDB_MAP_FULL");
  catalog.setComplete();
  await catalog.flush();
  assert(!(await catalog.room()).ok);
  const clock = new ManualClock();
  const pause = new Pause(clock, realScheduler);
  const check = new RecordCheck({ files, cpu, pause });
  const known = new KnownRecords({ catalog, check, onDamaged: () => undefined });
  const sequences = new Sequences(0, () => undefined);
  const space = new Space(disk, "/data", clock, () => 0);
  const random = seededRandom(1);
  const onDamaged = (): void => assert.fail("no journal is damaged");
  const keeps = await Keeps.open({
    disk,
    clock,
    random,
    space,
    relief: { relieve: (work) => work() },
    directory: "/data/keeps",
    onDamaged,
  });
  const keeping = new Keeping({ catalog, keeps, sequences, clock, pause, trashMs: () => 0 });
  return { ...all, pause, known, sequences, space, keeping, inUse: new InUse() };
}

describe("storage: a catalog that has no room (STO-7)", () => {
  it("takes no small object, and nothing of it is written", async () => {
    const { disk, catalog, pool, known, sequences, space, keeping, inUse } = await withoutRoom();
    const { signal } = new AbortController();
    const group = new GroupCommit({ pool, catalog, sequences, space, known, inUse, keeping, cpu, signal });
    const bytes = randomBytes(1000, 1);
    const digests = digestChunk([bytes], cpu);
    const facts = { size: bytes.length, chunker: CHUNKER_DEFAULT, object: digestOf(bytes) };
    const { root } = buildManifestTree(facts, [{ length: bytes.length, digest: facts.object }], digestOf);
    const chunks = [{ digest: facts.object, payload: [bytes], digests }];

    const put = await group.put({
      object: facts.object,
      chunks,
      sizeBytes: bytes.length,
      manifest: root,
      keepUntilMs: FOR_EVER,
    });

    assert(!put.ok && put.failure.code === "storage.full");
    assert.equal((await sizes(disk)).size, 0);
  });

  it("takes no large object, and nothing of it stays", async () => {
    const { disk, catalog, pool, known, sequences, pause, keeping, inUse } = await withoutRoom();
    const pack = must((await pool.lease(new AbortController().signal)) ?? fail(broken), "a pack is leased");
    const [gearTable, commits] = [makeGearTable(cpu.digest), new Turns<Digest>()];
    const deps = { pool, catalog, sequences, known, inUse, keeping, commits, cpu, gearTable, pause };
    const upload = new Upload(pack, deps, { profile: CHUNK_PROFILES[CHUNKER_DEFAULT], keepUntilMs: FOR_EVER });
    assert((await upload.feed(randomBytes(2 * MiB, 1))).ok);
    const object = await upload.finish();
    assert(object.ok);

    const committed = await upload.commit(object.value);
    await upload.abandon();

    assert.deepEqual(committed, { ok: false, failure: { code: "disk.full", path: "catalog" } });
    assert.equal(sequences.watermark, 0, "no number was given out");
    assert.equal((await sizes(disk)).get("00000001.pack"), PACK_FRONT_BYTES);
  });
});

async function recordsOf(disk: MemoryDisk): Promise<readonly FoundRecord[]> {
  const files = new PackFiles(disk, "/data/packs", 4);
  const found: FoundRecord[] = [];
  for (const { pack, sizeBytes } of must(await files.list(), "the packs can be listed")) {
    for await (const record of scanRecords(files, pack, undefined, PACK_FRONT_BYTES, sizeBytes, mustBeReadable))
      found.push(record);
  }
  await files.close();
  return found;
}

/** A byte of the payload of that record decays. */
async function decay(disk: MemoryDisk, digest: Digest): Promise<void> {
  const found = (await recordsOf(disk)).find(({ header }) => digestOfRecord(header) === digest);
  assert(found !== undefined);
  const { pack, position, header } = found;
  disk.flipByte(new PackFiles(disk, "/data/packs", 4).pathOf(pack), position + header.payloadOffset + 20);
}

const large = { config: { packSealBytes: 64 * MiB } } as const;

describe("storage: a large object that is put again", () => {
  it("is healed where its manifest has decayed and only other damage was known (STO-4)", async () => {
    const kit = await startStorage(large);
    const [small, big] = [randomBytes(3000, 1), randomBytes(2 * MiB, 2)];
    const [first, second] = [await stored(kit, small), await stored(kit, big)];
    await decay(kit.disk, digestOf(small));
    assert(!((await readObject(kit.ref, first.manifest)) instanceof Uint8Array));
    await decay(kit.disk, second.manifest);

    assert.equal((await stored(kit, big)).known, false);

    await mustHold(kit, [second], [big]);
  });

  it("writes no commit where what a known chunk has left cannot be cut away", async () => {
    const kit = await startStorage(large);
    const known = randomBytes(6 * MiB, 1);
    await stored(kit, known);
    const before = (await recordsOf(kit.disk)).filter(({ header }) => header.sequence > 0).length;
    // It ends with what is known: that is written, and rewound over.
    kit.disk.truncate = async () => fail(broken);

    assert(!(await put(kit, Buffer.concat([randomBytes(2 * MiB, 2), known]))).ok);

    assert.equal((await recordsOf(kit.disk)).filter(({ header }) => header.sequence > 0).length, before);
  });
});

describe("storage: small objects", () => {
  it("are written at most 8 MiB at once", async () => {
    const kit = await startStorage({ config: { ...large.config, writeQuotaBytes: 64 * MiB } });
    const { disk } = kit;
    const [sync, write] = [disk.sync.bind(disk), disk.write.bind(disk)];
    const gate = Promise.withResolvers<void>();
    disk.sync = async (descriptor) => {
      await gate.promise;
      return await sync(descriptor);
    };
    const writes: number[] = [];
    disk.write = async (descriptor, parts, position) => {
      writes.push(parts.reduce((sum, { length }) => sum + length, 0));
      return await write(descriptor, parts, position);
    };
    const puts = [put(kit, randomBytes(10, 0))];
    await turns();
    for (let seed = 1; seed <= 20; seed += 1) puts.push(put(kit, randomBytes(1 * MiB, seed)));
    await turns();
    gate.resolve();

    for (const one of puts) assert((await one).ok);

    const largest = Math.max(...writes);
    // Tables and manifests come on top.
    assert(largest > BATCH_BYTES_MAX && largest < BATCH_BYTES_MAX + 64 * KiB, `${largest}`);
  });

  it("are written again where the manifest is known and whole and the chunk is not (STO-4)", async () => {
    const kit = await startStorage(large);
    const bytes = randomBytes(3000, 1);
    const first = await stored(kit, bytes);
    await decay(kit.disk, digestOf(bytes));
    assert(!((await readObject(kit.ref, first.manifest)) instanceof Uint8Array));
    assert((await kit.ref.call("getManifest", { root: first.manifest }, within)).ok);

    assert.equal((await stored(kit, bytes)).known, false);

    await mustHold(kit, [first], [bytes]);
  });

  it("are not written again where they are a chunk of a large one: only their manifest is (STO-2)", async () => {
    const kit = await startStorage(large);
    const base = randomBytes(6 * MiB, 3);
    await stored(kit, base);
    const firstBytes = (await recordsOf(kit.disk))[0]?.header.payloadBytes ?? 0;
    // Ends shortly behind the first chunk of the other one: the rest is a small chunk.
    const big = base.subarray(0, firstBytes + 100 * KiB);
    const { chunkCount, manifest } = await stored(kit, big);
    assert.equal(chunkCount, 2);
    const before = await packBytes(kit.disk);

    const small = await stored(kit, big.subarray(firstBytes));

    assert.equal(small.known, false);
    assert((await packBytes(kit.disk)) - before < 2 * KiB);
    assert((await readObject(kit.ref, manifest)) instanceof Uint8Array);
  });
});
