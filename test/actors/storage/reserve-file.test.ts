/** The reserve file: made when there is room, given up for what makes room, and for nothing else. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { CATALOG_FLUSH_INTERVAL_MS } from "#actors/storage/actor.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { RESERVE_FILE_PAUSE_MS } from "#actors/storage/reserve-file.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, type Result } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { cancel, codeOf, mustAppend, mustBegin } from "#test/actors/storage/staging-kit.ts";
import {
  directory,
  packBytes,
  put,
  randomBytes,
  type StorageKit,
  startStorage,
  within,
} from "#test/actors/storage/storage-kit.ts";

const FILE_BYTES: number = 300 * KiB;
const given = { state: "degraded", reason: "reserve file given up, the disk is full" };

async function start(
  config: { readonly reserveFileBytes?: number } = {},
  disk = new MemoryDisk(),
): Promise<StorageKit> {
  const kit = await startStorage({ disk, config: { reserveFileBytes: FILE_BYTES, trashMs: 0, ...config } });
  await flushes(kit, 1);
  return kit;
}

async function filesOf(disk: MemoryDisk): Promise<Readonly<Record<string, number>>> {
  const listed = await disk.list(directory);
  assert(listed.ok);
  const files = listed.value.filter(({ name }) => name.startsWith("reserve"));
  return Object.fromEntries(files.map(({ name, sizeBytes }) => [name, sizeBytes]));
}

/** Others take every byte that is free. */
async function fill(disk: MemoryDisk): Promise<void> {
  const space = await disk.space(directory);
  assert(space.ok);
  disk.capacityBytes -= space.value.freeBytes;
}

/** Others take every inode that is free: a file or directory is made only where another one goes. */
function takeInodes(disk: MemoryDisk): void {
  const [open, makeDirectory, remove] = [disk.open.bind(disk), disk.makeDirectory.bind(disk), disk.remove.bind(disk)];
  let freeCount = 0;
  const make = async <Value>(isThere: boolean, path: string, work: () => Promise<Result<Value, DiskFailure>>) => {
    if (isThere) return await work();
    if (freeCount === 0) return fail({ code: "disk.full", path } as const);
    freeCount -= 1;
    return await work();
  };
  disk.open = async (path, mode) => {
    const found = await open(path, "read");
    if (found.ok) await disk.close(found.value);
    return await make(found.ok || mode === "read" || mode === "write", path, () => open(path, mode));
  };
  disk.makeDirectory = async (path) => await make((await disk.list(path)).ok, path, () => makeDirectory(path));
  disk.remove = async (path) => {
    const removed = await remove(path);
    if (removed.ok) freeCount += 1;
    return removed;
  };
}

/** The regular upkeep, so many times. */
async function flushes({ clock }: StorageKit, count: number): Promise<void> {
  for (let flush = 0; flush < count; flush += 1) {
    await clock.advance(CATALOG_FLUSH_INTERVAL_MS);
    // The turn of the actor, and what it began.
    for (let turn = 0; turn < 3; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
    await clock.settle();
  }
}

async function mustPut(kit: StorageKit, bytes: Uint8Array): Promise<StoredObject> {
  const stored = await put(kit, bytes);
  assert(stored.ok, JSON.stringify(stored));
  return stored.value;
}

function remove({ ref }: StorageKit, { manifest }: StoredObject): Promise<Result<unknown>> {
  return ref.call("removeObject", { manifest }, within);
}

/** Why it stopped; undefined: it did not. */
async function collect(kit: StorageKit): Promise<string | undefined> {
  const begun = await kit.ref.call("collectGarbage", { emptyTrash: true }, within);
  assert(begun.ok, JSON.stringify(begun));
  for (let turn = 0; turn < 10_000; turn += 1) {
    await kit.clock.advance(1);
    const facts = await kit.ref.call("describe", {}, within);
    assert(facts.ok);
    if (facts.value.collection.phase === "idle") return facts.value.collection.last?.blocked;
  }
  return assert.fail("the collection ends");
}

describe("storage: the reserve file", () => {
  it("is made when storage lives, and found by the next life (STO-68)", async () => {
    const kit = await start();
    assert.deepEqual(await filesOf(kit.disk), { "reserve.bin": FILE_BYTES });
    const made = await kit.disk.readFile(`${directory}/reserve.bin`);

    kit.disk.crash(seededRandom(1));
    await kit.crash();
    await flushes(kit, 1);

    assert.deepEqual(await kit.disk.readFile(`${directory}/reserve.bin`), made);
    assert.equal(kit.actor.health.state, "ready");
  });

  it("is of blocks that no file system can leave out: none is like another, and none can be compressed", async () => {
    const { disk } = await start();
    const made = await disk.readFile(`${directory}/reserve.bin`);
    assert(made.ok);

    const bytes = Buffer.from(made.value);
    const blocks = Array.from({ length: FILE_BYTES / (4 * KiB) }, (_, at) =>
      bytes.toString("latin1", at * 4 * KiB, (at + 1) * 4 * KiB),
    );
    assert.equal(new Set(blocks).size, blocks.length);
    assert(blocks.every((block) => deflateSync(Buffer.from(block, "latin1")).length >= 4 * KiB));
  });

  it("lets removals and collections make room on a disk without a free byte, and is there again (STO-68)", async () => {
    const kit = await start();
    const [kept, gone] = [randomBytes(100 * KiB, 1), randomBytes(900 * KiB, 2)];
    const [there, removed] = [await mustPut(kit, kept), await mustPut(kit, gone)];
    await flushes(kit, 1);
    await fill(kit.disk);

    const answer = await remove(kit, removed);

    assert.deepEqual([codeOf(answer), await filesOf(kit.disk)], ["ok", {}]);
    assert.deepEqual(kit.actor.health, given);
    const before = await packBytes(kit.disk);
    assert.equal(await collect(kit), undefined);
    assert((await packBytes(kit.disk)) < before - 800 * KiB, "the pack was compacted");
    assert.deepEqual(await mustRead(kit.ref, there.manifest, there.manifest), kept);
    kit.disk.capacityBytes += 64 * MiB;
    await flushes(kit, 3);
    assert.deepEqual(await filesOf(kit.disk), { "reserve.bin": FILE_BYTES });
    assert.equal(kit.actor.health.state, "ready");
  });

  it("is what these removals need: without one they are refused", async () => {
    const kit = await start({ reserveFileBytes: 0 });
    const stored = await mustPut(kit, randomBytes(900 * KiB, 2));
    await fill(kit.disk);

    assert.equal(codeOf(await remove(kit, stored)), "storage.full");

    assert.equal(kit.actor.health.state, "ready");
  });

  it("is given up once for all who meet the full disk together", async () => {
    const kit = await start();
    const stored = await Promise.all([1, 2, 3].map((seed) => mustPut(kit, randomBytes(3000, seed))));
    await fill(kit.disk);

    const answers = await Promise.all(stored.map((one) => remove(kit, one)));

    assert.deepEqual(answers.map(codeOf), ["ok", "ok", "ok"]);
  });

  it("stays for puts and pins: they make no room (STO-68)", async () => {
    const kit = await start();
    const stored = await mustPut(kit, randomBytes(3000, 1));
    await fill(kit.disk);

    const pinned = await kit.ref.call("pinObject", { ...stored, untilMs: 1e15 }, within);
    const refused = await put(kit, randomBytes(3000, 2));

    assert.deepEqual([codeOf(pinned), codeOf(refused)], ["storage.full", "storage.full"]);
    assert.deepEqual(await filesOf(kit.disk), { "reserve.bin": FILE_BYTES });
    assert.equal(kit.actor.health.state, "ready");
  });

  it("is given up for an upload that is cancelled, whose pieces make room", async () => {
    const kit = await start();
    const upload = await mustBegin(kit);
    await mustAppend(kit, upload, 0, randomBytes(200 * KiB, 1));
    await fill(kit.disk);

    assert.equal(codeOf(await cancel(kit, upload)), "ok");

    const space = await kit.disk.space(directory);
    assert(space.ok && space.value.freeBytes > FILE_BYTES);
  });

  for (const { name, reserveFileBytes, blocked, files } of [
    { name: "is given up for a copy of what is live", reserveFileBytes: FILE_BYTES, blocked: undefined, files: {} },
    {
      name: "stays where a copy of what is live needs more than it would give",
      reserveFileBytes: 64 * KiB,
      blocked: "no room for a copy of what is live",
      files: { "reserve.bin": 64 * KiB },
    },
  ]) {
    it(name, async () => {
      const kit = await start({ reserveFileBytes });
      const kept = await mustPut(kit, randomBytes(200 * KiB, 1));
      const removed = await mustPut(kit, randomBytes(800 * KiB, 2));
      assert.equal(codeOf(await remove(kit, removed)), "ok");
      // Room for what the collection writes down, none for a copy.
      await fill(kit.disk);
      kit.disk.capacityBytes += 20 * KiB;

      assert.equal(await collect(kit), blocked);

      assert.deepEqual(await filesOf(kit.disk), files);
      assert.equal((await mustRead(kit.ref, kept.manifest, kept.manifest)).length, 200 * KiB);
    });
  }

  it("is given up for a collection that finds the catalog refused for want of room", async () => {
    const disk = new MemoryDisk();
    const kv = memoryKvStores({ disk });
    const kit = await startStorage({ disk, kv, config: { reserveFileBytes: FILE_BYTES, trashMs: 0 } });
    await flushes(kit, 1);
    const kept = await mustPut(kit, randomBytes(3000, 1));
    await fill(disk);
    kv.refuseBatches("the disk is full");
    await flushes(kit, 1);
    assert.deepEqual(await filesOf(disk), { "reserve.bin": FILE_BYTES }, "what is pending waits in memory");

    const blocked = await collect(kit);

    assert.equal(blocked, "the catalog is not written: kv: the disk is full");
    assert.deepEqual(await filesOf(disk), {});
    kv.refuseBatches(undefined);
    assert.equal(await collect(kit), undefined);
    assert((await mustRead(kit.ref, kept.manifest, kept.manifest)).length === 3000);
  });
});

describe("storage: making the reserve file", () => {
  it("leaves the ordinary reserve alone, and says that there is no room (STO-68)", async () => {
    const disk = new MemoryDisk({ capacityBytes: 1 * MiB + FILE_BYTES - 1 });
    const kit = await start({}, disk);
    const before = [await filesOf(disk), kit.actor.health];

    disk.capacityBytes += 64 * KiB;
    await flushes(kit, 3);

    const reason = "no reserve file: the disk has no room for it";
    assert.deepEqual(before, [{}, { state: "degraded", reason }]);
    assert.deepEqual(await filesOf(disk), { "reserve.bin": FILE_BYTES });
    assert.equal(kit.actor.health.state, "ready");
  });

  it("leaves nothing behind where others fill the disk meanwhile, and waits before it tries again", async () => {
    const disk = new MemoryDisk();
    const kit = await startStorage({ disk, config: { reserveFileBytes: FILE_BYTES } });
    disk.failNext("write", "ENOSPC");

    await flushes(kit, 1);
    const failed = [await filesOf(disk), kit.actor.health];
    await flushes(kit, RESERVE_FILE_PAUSE_MS / CATALOG_FLUSH_INTERVAL_MS - 1);
    const waiting = await filesOf(disk);
    await flushes(kit, 3);

    assert.deepEqual(failed, [{}, { state: "degraded", reason: "no reserve file: disk.full" }]);
    assert.deepEqual([waiting, await filesOf(disk)], [{}, { "reserve.bin": FILE_BYTES }]);
  });

  for (const operation of ["sync", "rename", "syncDirectory"] as const) {
    it(`does not count it before it is durable (${operation} fails)`, async () => {
      const disk = new MemoryDisk();
      const kit = await startStorage({ disk, config: { reserveFileBytes: FILE_BYTES } });
      disk.failNext(operation, "EIO");

      await flushes(kit, 1);
      const failed = kit.actor.health;
      await flushes(kit, RESERVE_FILE_PAUSE_MS / CATALOG_FLUSH_INTERVAL_MS + 1);

      assert.deepEqual(failed, { state: "degraded", reason: "no reserve file: EIO" });
      assert.deepEqual(await filesOf(disk), { "reserve.bin": FILE_BYTES });
      assert.equal(kit.actor.health.state, "ready");
    });
  }

  it("has its inode for the first removal on a disk that has none left", async () => {
    const disk = new MemoryDisk();
    const kit = await start({}, disk);
    const stored = await mustPut(kit, randomBytes(10 * KiB, 1));
    takeInodes(disk);

    const removed = await kit.ref.call("removeObject", stored, within);

    assert(removed.ok, JSON.stringify(removed));
    assert.deepEqual(await filesOf(disk), {});
  });

  it("clears away what a crash left of one", async () => {
    const disk = new MemoryDisk();
    await disk.makeDirectory(directory);
    await disk.replaceFile(`${directory}/reserve.bin.new`, new Uint8Array(1000));

    const kit = await startStorage({ disk, config: { reserveFileBytes: FILE_BYTES } });

    assert.deepEqual(await filesOf(disk), {});
    await flushes(kit, 1);
    assert.deepEqual(await filesOf(disk), { "reserve.bin": FILE_BYTES });
  });

  it("follows the configuration of the next life: another size, and none", async () => {
    const disk = new MemoryDisk();
    const sizes: unknown[] = [];
    for (const reserveFileBytes of [FILE_BYTES, 64 * KiB, 0]) {
      const kit = await start({ reserveFileBytes }, disk);
      sizes.push(await filesOf(disk));
      kit.actor.kill("test");
      await kit.clock.settle();
    }

    assert.deepEqual(sizes, [{ "reserve.bin": FILE_BYTES }, { "reserve.bin": 64 * KiB }, {}]);
  });
});
