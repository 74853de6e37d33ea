/** What becomes of the packs that are leased when their pool ends: nothing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { PackPool } from "#actors/storage/packs/pack-pool.ts";
import { PoolDisk } from "#actors/storage/packs/pool-disk.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { ReusingDisk } from "#test/actors/storage/reusing-disk.ts";
import { HungDisk } from "#test/actors/storage/volumes/hung-disk.ts";

const gone = diskFailure("ENODEV", "volume 1");
const GONE = fail(gone);

async function stage() {
  const memory = new MemoryDisk();
  await memory.makeDirectory("/v");
  const base = new ReusingDisk(memory).disk;
  return { memory, base, disk: new PoolDisk(base, gone) };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("storage: the disk of a pool (STO-105)", () => {
  it("takes nothing after its end, by a number that another file has or by a path", async () => {
    const { memory, base, disk } = await stage();
    const descriptor = must(await disk.open("/v/pack", "create-new"), "a pack is made");
    await disk.end();
    assert.equal(memory.openCount, 0);
    const other = must(await base.open("/v/other", "create-new"), "another file is made");
    must(await base.write(other, [Buffer.from("other")], 0), "it is written");
    assert.equal(other, descriptor);

    const outcomes = [
      await disk.truncate(descriptor, 0),
      await disk.write(descriptor, [Buffer.from("pack")], 0),
      await disk.sync(descriptor),
      await disk.close(descriptor),
      await disk.open("/v/pack", "write"),
      await disk.remove("/v/pack"),
      await disk.syncDirectory("/v"),
    ];

    assert.deepEqual(
      outcomes,
      outcomes.map(() => GONE),
    );
    assert.equal(memory.openCount, 1);
    assert.equal(Buffer.from(must(await base.readFile("/v/other"), "it is read")).toString(), "other");
    assert((await base.readFile("/v/pack")).ok);
  });

  it("ends when what is under way is over, and closes nothing before; that has failed", async () => {
    const { memory, base } = await stage();
    const hung = new HungDisk(base);
    const disk = new PoolDisk(hung.disk, gone);
    const descriptor = must(await disk.open("/v/pack", "create-new"), "a pack is made");
    hung.hang("/v");
    const writing = disk.write(descriptor, [Buffer.from("pack")], 0);
    const opening = disk.open("/v/other", "create-new");
    let hasEnded = false;

    const ended = disk.end().then(() => {
      hasEnded = true;
    });
    await turns();
    assert.deepEqual([hasEnded, memory.openCount], [false, 1]);
    hung.thaw("/v");
    await ended;

    assert.deepEqual([await writing, await opening], [GONE, GONE]);
    assert.equal(memory.openCount, 0);
    assert.equal(Buffer.from(must(await base.readFile("/v/pack"), "it is read")).toString(), "pack");
  });

  it("takes no descriptor that it has not opened, or has closed", async () => {
    const { base, disk } = await stage();
    const closed = must(await disk.open("/v/pack", "create-new"), "a pack is made");
    assert((await disk.close(closed)).ok);
    const other = must(await base.open("/v/other", "create-new"), "another file is made");
    assert.equal(other, closed);

    assert.deepEqual(await disk.truncate(closed, 0), fail(diskFailure("EBADF", `descriptor ${closed}`)));
  });
});

/** A pool that ends while a pack of it is leased, and the next one, which has written more to the same pack. */
async function twoPools() {
  const { memory, base } = await stage();
  const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 1 * MiB }), "a store opens");
  const catalog = new Catalog(kv);
  const makePool = (): PackPool =>
    new PackPool(new PackFiles(base, "/v", 4), catalog, seededRandom(1), {
      slot: 0,
      openPacksMax: () => 1,
      packSealBytes: () => 1 * MiB,
      onFull: () => undefined,
      onUnwritable: () => assert.fail("every pack may be written"),
    });
  const ended = makePool();
  const stale = must(await ended.leaseShared(), "a pack is leased");
  await ended.close();
  const pool = makePool();
  pool.adopt([...catalog.packs.values()], stale.pack);
  const pack = must(await pool.leaseShared(), "the next pool leases the same pack");
  assert.deepEqual([pack.pack, pack.descriptor], [stale.pack, stale.descriptor]);
  must(await pool.disk.write(pack.descriptor, [new Uint8Array(1000)], pack.end), "it is written");
  const sizeBytes = async (): Promise<number> => {
    const [file] = must(await memory.list("/v"), "the packs can be listed");
    return file?.sizeBytes ?? 0;
  };
  return { ended, stale, memory, sizeBytes };
}

describe("storage: a pack that was leased from a pool that has ended (STO-105)", () => {
  for (const way of ["abandon", "withdraw", "retire", "abandonSpilled"] as const) {
    it(`is left to the next pool (${way})`, async () => {
      const { ended, stale, sizeBytes } = await twoPools();
      let isGone = false;

      await ended[way](stale, () => {
        isGone = true;
      });
      await ended.cutOne();

      assert.deepEqual([await sizeBytes(), isGone], [PACK_FRONT_BYTES + 1000, false]);
    });
  }

  it("is followed by no other one", async () => {
    const { ended, stale, memory } = await twoPools();

    assert(!(await ended.spill(stale)).ok);
    assert(!(await ended.leaseShared()).ok);

    assert.deepEqual([must(await memory.list("/v"), "the packs can be listed").length, memory.openCount], [1, 1]);
  });
});
