/** The pool of packs: who gets which, who waits, and what a pack that cannot be opened is worth. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { HOME_SLOT, packsBefore } from "#actors/storage/packs/pack-number.ts";
import { type OpenPack, PackPool } from "#actors/storage/packs/pack-pool.ts";
import { makePool } from "#actors/storage/writers.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { silentLog } from "#test/kit/actor.ts";

const forever = new AbortController().signal;

async function stage(openPacksMax = 1) {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/packs");
  const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 1 * MiB }), "a store opens");
  const catalog = new Catalog(kv);
  const limits = { openPacksMax };
  const told: string[] = [];
  const pool = (): PackPool =>
    new PackPool(new PackFiles(disk, "/packs", 4), catalog, seededRandom(1), {
      slot: 0,
      openPacksMax: () => limits.openPacksMax,
      packSealBytes: () => 1 * MiB,
      onFull: () => undefined,
      onUnwritable: (pack, errno) => told.push(`${pack} ${errno}`),
    });
  return { catalog, disk, limits, pool, told };
}

/** A pool that has adopted the one pack that a life before it has made. */
async function oneIdle() {
  const { catalog, disk, pool } = await stage();
  const before = pool();
  const leased = must(await before.leaseShared(), "a pack is made");
  await before.release(leased);
  await before.close();
  const next = pool();
  next.adopt([...catalog.packs.values()], leased.pack);
  return { disk, next, made: leased.pack };
}

describe("storage: leasing a pack", () => {
  it("takes another pack where the idle one cannot be opened, and that one again later", async () => {
    const { disk, next, made } = await oneIdle();
    disk.failNext("open", "EMFILE");

    const other = await next.leaseShared();
    assert(other.ok);
    const again = await next.leaseShared();

    assert(again.ok);
    assert.deepEqual([other.value.pack, again.value.pack], [made + 1, made]);
  });

  it("is full where it has no number left for another pack, and writes none of another slot's", async () => {
    const { disk, pool } = await stage(2);
    const next = pool();
    next.adopt([], packsBefore(1) - 2);

    const last = await next.leaseShared();
    const beyond = await next.leaseShared();

    assert(last.ok && !beyond.ok);
    assert.equal(beyond.failure.code, "disk.full");
    assert.equal(must(await disk.list("/packs"), "listed").length, 1);
  });

  it("fails where neither the idle pack nor a new one can be opened, and loses neither", async () => {
    const { disk, next, made } = await oneIdle();
    disk.failNext("open", "EMFILE");
    disk.failNext("open", "EMFILE");

    const refused = await next.leaseShared();
    const again = await next.leaseShared();

    assert(!refused.ok && refused.failure.code === "disk.broken");
    assert(again.ok && again.value.pack === made);
  });

  it("passes over numbers whose names something else has", async () => {
    const { disk, pool } = await stage();
    await disk.makeDirectory("/packs/00000001.pack");
    await disk.makeDirectory("/packs/00000002.pack");
    const fresh = pool();

    const made = await fresh.leaseShared();
    assert(made.ok);
    await fresh.release(made.value);

    assert.equal(made.value.pack, 3);
  });

  it("lets all go on that have room, when the limit was raised while they waited", async () => {
    const { limits, pool: makePool } = await stage(1);
    const pool = makePool();
    const first = await pool.lease(forever);
    assert(first?.ok);
    const granted: number[] = [];
    const waiting = [1, 2, 3, 4].map(async (number) => {
      const leased = await pool.lease(forever);
      assert(leased?.ok);
      granted.push(number);
      return leased.value;
    });
    await turns();
    assert.deepEqual(granted, []);

    limits.openPacksMax = 3;
    await pool.release(first.value);
    await turns();

    assert.deepEqual(granted, [1, 2, 3]);
    const [one] = waiting;
    assert(one !== undefined);
    await pool.release(await one);
    await turns();
    assert.deepEqual(granted, [1, 2, 3, 4]);
  });
});

/** Three packs of a life before, of which the fullest may not be opened for writing, for the reason that `refusal` says. */
async function fullestRefused(refusal: { errno: string | undefined }) {
  const { catalog, disk, pool, told } = await stage();
  const before = pool();
  const made = [1, 2, 3].map(async () => must(await before.leaseShared(), "a pack is made"));
  for (const leased of await Promise.all(made)) {
    const end = leased.end + 1000 * leased.pack;
    must(await before.disk.write(leased.descriptor, [new Uint8Array(end - leased.end)], leased.end), "written");
    const state = catalog.packs.get(leased.pack) ?? assert.fail("the catalog has it");
    catalog.setPack({ ...state, checkpoint: end });
    await before.release({ ...leased, end });
  }
  await before.close();
  const fullest = "/packs/00000003.pack";
  const asked: string[] = [];
  const { open } = disk;
  disk.open = async (path, mode) => {
    if (mode === "write") asked.push(path);
    const { errno } = refusal;
    if (path !== fullest || mode !== "write" || errno === undefined) return await open.call(disk, path, mode);
    return { ok: false, failure: { code: "disk.broken", path, errno } };
  };
  const next = pool();
  next.adopt([...catalog.packs.values()], 3);
  const packCount = async (): Promise<number> => must(await disk.list("/packs"), "listed").length;
  const leaseOften = async (): Promise<readonly number[]> => {
    const packs: number[] = [];
    for (let time = 0; time < 5; time += 1) {
      const leased = must(await next.leaseShared(), "leased");
      packs.push(leased.pack);
      await next.release(leased);
    }
    return packs;
  };
  return { asked, catalog, disk, fullest, leaseOften, next, packCount, told };
}

describe("storage: a pack that may not be opened for writing (STO-143)", () => {
  for (const errno of ["EACCES", "EPERM"]) {
    it(`is tried once, and told of once, while others that are free are written (${errno})`, async () => {
      const { asked, disk, fullest, leaseOften, packCount, told } = await fullestRefused({ errno });

      const packs = await leaseOften();

      assert.deepEqual(packs, [2, 2, 2, 2, 2]);
      assert.deepEqual(
        asked.filter((path) => path === fullest),
        [fullest],
      );
      assert.deepEqual(told, [`3 ${errno}`]);
      assert.deepEqual([await packCount(), disk.openCount], [3, 1]);
    });
  }

  it("is told of in the log, with its path and why", async () => {
    const { catalog, disk } = await fullestRefused({ errno: "EACCES" });
    const told: unknown[] = [];
    const deps = {
      ...{ catalog, random: seededRandom(1), sealer: { seal: () => assert.fail("none is full") } },
      config: () => ({ openPacksMax: 1, packSealBytes: 1 * MiB }),
      files: new PackFiles(disk, "/packs", 4),
      log: { ...silentLog, warn: (...line: unknown[]) => told.push(line) },
    };

    const leased = await makePool(HOME_SLOT, deps, { unsealed: [1, 2, 3] }).leaseShared();

    assert.equal(must(leased, "leased").pack, 2);
    assert.deepEqual(told, [["pack may not be written", { pack: "/packs/00000003.pack", errno: "EACCES" }]]);
  });

  it("may still be compacted: nobody has it", async () => {
    const { leaseOften, next } = await fullestRefused({ errno: "EACCES" });
    await leaseOften();

    assert(await next.reserve(3));
  });
});

describe("storage: a pack that cannot be opened for a moment", () => {
  it("is tried again each time, and what was made instead is written until it can be: one descriptor more, and one pack", async () => {
    const refusal: { errno: string | undefined } = { errno: "EMFILE" };
    const { asked, disk, fullest, leaseOften, packCount, told } = await fullestRefused(refusal);

    assert.deepEqual(await leaseOften(), [4, 4, 4, 4, 4]);
    assert.deepEqual(asked, [fullest, fullest, fullest, fullest, fullest]);
    refusal.errno = undefined;
    assert.deepEqual(await leaseOften(), [3, 3, 3, 3, 3]);

    assert.deepEqual([await packCount(), disk.openCount, told], [4, 2, []]);
  });
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("storage: a pack that could not be cut back", () => {
  it("is cut by nobody any more when the pool is closed: the next life may write to it", async () => {
    const { disk, pool: makePool } = await stage();
    const pool = makePool();
    const leased = await pool.leaseShared();
    assert(leased.ok);
    const { truncate } = disk;
    disk.truncate = async () => ({ ok: false, failure: { code: "disk.broken", path: "", errno: "EIO" } });
    await pool.retire(leased.value);
    const gate = Promise.withResolvers<void>();
    const steps: string[] = [];
    disk.truncate = async (...asked) => {
      await gate.promise;
      steps.push("cut");
      return await truncate.apply(disk, asked);
    };

    void pool.cutOne();
    await turns();
    const closed = pool.close().then(() => steps.push("closed"));
    gate.resolve();
    await closed;
    await pool.cutOne();

    assert.deepEqual(steps, ["cut", "closed"]);
  });
});

describe("storage: a pack that somebody has cut under the pool (STO-132)", () => {
  const LEFT_BYTES = PACK_FRONT_BYTES + 100;

  /** Leased, with a thousand bytes before its end and as many behind it, of which few are left. */
  async function cutUnderWriter() {
    const { disk, pool: makePool } = await stage();
    const pool = makePool();
    const pack = must(await pool.leaseShared(), "a pack is made");
    must(await pool.disk.write(pack.descriptor, [new Uint8Array(2000)], pack.end), "written");
    pack.end += 1000;
    must(await disk.truncate(pack.descriptor, LEFT_BYTES), "cut");
    const sizeBytes = async (): Promise<number> => {
      const file = await disk.readFile(`/packs/${pack.pack.toString(16).padStart(8, "0")}.pack`);
      return must(file, "read").length;
    };
    return { pack, pool, sizeBytes };
  }

  const ways: Readonly<Record<string, (pool: PackPool, pack: OpenPack) => Promise<unknown>>> = {
    abandon: (pool, pack) => pool.abandon(pack),
    abandonSpilled: (pool, pack) => pool.abandonSpilled(pack),
    retire: (pool, pack) => pool.retire(pack),
    withdraw: (pool, pack) => pool.withdraw(pack, () => undefined),
  };
  for (const [way, give] of Object.entries(ways)) {
    it(`is not lengthened when it is given back (${way}), and leased to nobody`, async () => {
      const { pack, pool, sizeBytes } = await cutUnderWriter();

      await give(pool, pack);

      assert.equal(await sizeBytes(), LEFT_BYTES);
      assert.notEqual(must(await pool.leaseShared(), "leased").pack, pack.pack);
    });
  }

  it("is not leased where it was cut while nobody had it", async () => {
    const { disk, next, made } = await oneIdle();
    must(await disk.replaceFile(`/packs/0000000${made}.pack`, new Uint8Array(10)), "cut");

    assert.equal(must(await next.leaseShared(), "leased").pack, made + 1);
  });
});
