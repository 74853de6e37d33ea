/** Removing, restoring, and what becomes of the bytes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { decodeManifest } from "#actors/domain/manifest.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { type ByteSource, ENDED } from "#runtime/byte-source.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import {
  directory,
  packBytes,
  put,
  randomBytes,
  readAll,
  type StorageKit,
  startStorage,
  whole,
  within,
} from "#test/actors/storage/storage-kit.ts";

const sealing = { config: { packSealBytes: 1 * MiB } } as const;

async function isReadable(kit: StorageKit, manifest: Digest, bytes: Uint8Array): Promise<boolean> {
  const read = await readObject(kit.ref, manifest);
  return read instanceof Uint8Array && Buffer.compare(read, bytes) === 0;
}

/** Ten objects that fill some packs, every other one removed. */
async function halfRemoved(kit: StorageKit) {
  const objects: { bytes: Uint8Array; stored: StoredObject; isRemoved: boolean }[] = [];
  for (let number = 0; number < 16; number += 1) {
    const bytes = randomBytes(400 * KiB, number);
    objects.push({ bytes, stored: await mustPut(kit, bytes), isRemoved: number % 4 !== 0 });
  }
  for (const { stored, isRemoved } of objects) if (isRemoved) await remove(kit, stored);
  return objects;
}

describe("storage: what is removed", () => {
  it("cannot be read any more, is not listed, and can be restored until its bytes are given up (STO-21)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(5000, 1);
    const stored = await mustPut(kit, bytes);

    await remove(kit, stored);

    const { manifest: root, address } = stored;
    const gone = await kit.ref.call("getManifest", { root }, within);
    assert.deepEqual(gone, { ok: false, failure: { code: "storage.removed", root } });
    const listed = await kit.ref.call("listManifests", { after: undefined, limit: 10 }, within);
    assert(listed.ok && listed.value.entries.length === 0);
    const trash = await kit.ref.call("listTrash", { limit: 10 }, within);
    assert(trash.ok && trash.value.entries.length === 1);
    assert(address !== undefined);
    const restored = await kit.ref.call("restoreObject", { address }, within);
    assert.deepEqual(restored, { ok: true, value: { address, manifest: root, sizeBytes: 5000, isTransient: false } });
    assert(await isReadable(kit, root, bytes));
  });

  it("is given up with the trash, and frees its packs; the rest stays (STO-23)", async () => {
    const kit = await startStorage(sealing);
    const objects = await halfRemoved(kit);
    const before = await packBytes(kit.disk);

    const report = await collect(kit, true);

    assert.equal(report.blocked, undefined);
    assert.equal(report.buriedCount, 12);
    assert((await packBytes(kit.disk)) < before / 2, `${await packBytes(kit.disk)} of ${before}`);
    for (const { bytes, stored, isRemoved } of objects) {
      assert.equal(await isReadable(kit, stored.manifest, bytes), !isRemoved);
    }
  });

  for (const lost of ["nothing", "the catalog"] as const) {
    it(`stays gone, and the rest stays, over restarts that lose ${lost} (STO-22, STO-26)`, async () => {
      const kit = await startStorage(sealing);
      const objects = await halfRemoved(kit);
      await collect(kit, true);
      for (let count = 0; count < 2; count += 1) {
        kit.actor.kill("test");
        await kit.clock.settle();
        if (lost === "the catalog") await kit.disk.removeTree(`${directory}/catalog`);
        const next = await startStorage({ ...sealing, disk: kit.disk, ...(lost === "nothing" ? { kv: kit.kv } : {}) });
        await whole(next);
        for (const { bytes, stored, isRemoved } of objects) {
          assert.equal(await isReadable(next, stored.manifest, bytes), !isRemoved);
        }
        next.actor.kill("test");
        await next.clock.settle();
      }
    });
  }
});

describe("storage: who holds an object", () => {
  it("is its put, until it is unpinned; then the next collection removes it (STO-20)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(5000, 1);
    const { manifest } = await mustPut(kit, bytes);

    assert((await kit.ref.call("unpinObject", { manifest }, within)).ok);
    assert(await isReadable(kit, manifest, bytes));
    const report = await collect(kit, false);

    assert.equal(report.removedCount, 1);
    assert(!(await isReadable(kit, manifest, bytes)));
    const trash = await kit.ref.call("listTrash", { limit: 10 }, within);
    assert(trash.ok);
    assert.deepEqual(
      trash.value.entries.map((entry) => entry.manifest),
      [manifest],
    );
  });

  it("is a put for a time until that is over, longer where it is put again or pinned (STO-20)", async () => {
    for (const more of ["nothing", "a pin", "a put without end", "a put for longer"] as const) {
      const kit = await startStorage();
      const bytes = randomBytes(5000, 1);
      const { manifest } = await mustPut(kit, bytes, { keepMs: 10_000 });
      if (more === "a pin") assert((await kit.ref.call("pinObject", { manifest }, within)).ok);
      if (more === "a put without end") assert(!(await mustPut(kit, bytes)).known);
      if (more === "a put for longer") assert((await mustPut(kit, bytes, { keepMs: 30_000 })).known);

      await kit.clock.advance(9_999);
      await collect(kit, false);
      assert(await isReadable(kit, manifest, bytes), more);
      await kit.clock.advance(1);
      await collect(kit, false);
      assert.equal(await isReadable(kit, manifest, bytes), more !== "nothing", more);
      await kit.clock.advance(20_000);
      await collect(kit, false);
      assert.equal(await isReadable(kit, manifest, bytes), more.startsWith("a p") && !more.endsWith("longer"), more);
    }
  });

  it("keeps what was put for a time over a lost catalog for that time only (STO-22)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(5000, 1);
    const { manifest } = await mustPut(kit, bytes, { keepMs: 10_000 });
    kit.actor.kill("test");
    await kit.clock.settle();
    const next = await startStorage({ disk: kit.disk });
    await whole(next);
    assert.equal((await collect(next, false)).removedCount, 0);

    await next.clock.advance(10_000);
    await collect(next, false);

    assert(!(await isReadable(next, manifest, bytes)));
  });

  it("is a put that comes after the removal: the same bytes are there again, also for good (STO-21)", async () => {
    const kit = await startStorage(sealing);
    const bytes = randomBytes(5000, 1);
    const stored = await mustPut(kit, bytes);
    await remove(kit, stored);

    const again = await mustPut(kit, bytes);
    await collect(kit, true);
    await kit.clock.advance(10_000);
    await collect(kit, true);

    assert(!again.known);
    assert(await isReadable(kit, stored.manifest, bytes));
  });

  it("is nobody where it was never put, or removed long ago", async () => {
    const kit = await startStorage();
    const stored = await mustPut(kit, randomBytes(5000, 1));
    const { address, manifest } = stored;
    assert(address !== undefined);
    await remove(kit, stored);
    await collect(kit, true);

    const removed = await kit.ref.call("removeObject", { manifest }, within);
    assert(!removed.ok && removed.failure.code === "storage.manifest-not-found");
    const restored = await kit.ref.call("restoreObject", { address }, within);
    assert(!restored.ok && restored.failure.code === "storage.not-in-trash");
    const pinned = await kit.ref.call("pinObject", { manifest }, within);
    assert(!pinned.ok && pinned.failure.code === "storage.manifest-not-found");
  });

  it("can be asked for ciphertext by its root", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(5000, 1);
    const stored = await mustPut(kit, bytes, { chunker: "fixed/1", enc: { format: "test/1" } });
    await remove(kit, stored);
    assert(!(await isReadable(kit, stored.manifest, bytes)));

    const restored = await kit.ref.call("restoreObject", { root: stored.manifest }, within);

    const there = { address: undefined, manifest: stored.manifest, sizeBytes: 5000, isTransient: false };
    assert.deepEqual(restored, { ok: true, value: there });
    assert(await isReadable(kit, stored.manifest, bytes));
  });
});

describe("storage: a collection beside the traffic", () => {
  it("gives up nothing that a put under way relies on (STO-24)", async () => {
    const kit = await startStorage(sealing);
    const shared = randomBytes(1 * MiB, 1);
    const first = await mustPut(kit, shared, { chunker: "fixed/1" });
    for (let number = 0; number < 3; number += 1)
      await remove(kit, await mustPut(kit, randomBytes(900 * KiB, 10 + number)));
    // Cut at a mebibyte, its first chunk is the object that is removed while it is under way.
    const gate = Promise.withResolvers<void>();
    const source = new GatedSource(Buffer.concat([shared, randomBytes(64 * KiB, 2)]), shared.length, gate.promise);
    const putting = kit.ref.call("putObject", { source, chunker: "fixed/1" }, within);
    await source.waiting;

    await remove(kit, first);
    const report = await collect(kit, true);
    gate.resolve();
    const stored = await putting;
    await collect(kit, true);

    assert.equal(report.buriedCount, 4);
    assert(stored.ok);
    assert(await isReadable(kit, stored.value.manifest, source.bytes));
  });

  it("begins with what frees most for the least room: on a full disk that makes room for the rest (STO-23)", async () => {
    const kit = await startStorage({ config: { packSealBytes: 4 * MiB, openPacksMax: 1 } });
    const kept: { manifest: Digest; bytes: Uint8Array }[] = [];
    // The first pack is live by a third, the second is garbage.
    for (let number = 0; number < 9; number += 1) {
      const bytes = randomBytes(900 * KiB, number);
      const stored = await mustPut(kit, bytes);
      if (number === 0) kept.push({ manifest: stored.manifest, bytes });
      else await remove(kit, stored);
    }
    const free = await kit.disk.space(directory);
    assert(free.ok);
    kit.disk.capacityBytes -= free.value.freeBytes - 100 * KiB;

    const { blocked, packsCompacted } = await collect(kit, true);
    assert.deepEqual([blocked, packsCompacted > 1], [undefined, true]);
    for (const { bytes, manifest } of kept) assert(await isReadable(kit, manifest, bytes));
  });

  it("compacts the very pack that small objects go to, beside them (STO-24)", async () => {
    const kit = await startStorage();
    const gone = await mustPut(kit, randomBytes(500 * KiB, 1));
    await remove(kit, gone);
    // So that walking takes some turns.
    for (let number = 5000; number < 5150; number += 1) await mustPut(kit, randomBytes(500, number));
    let isOver = false;
    const stored: { manifest: Digest; bytes: Uint8Array }[] = [];
    const putting = (async () => {
      for (let number = 10; !isOver && number < 2000; number += 1) {
        const bytes = randomBytes(1000, number);
        stored.push({ bytes, manifest: (await mustPut(kit, bytes)).manifest });
      }
    })();

    const report = await collect(kit, true);
    isOver = true;
    await putting;

    assert.equal(report.packsCompacted, 1);
    assert(stored.length > 1);
    for (const { bytes, manifest } of stored) assert(await isReadable(kit, manifest, bytes));
  });

  it("walks to every commit, also where one before it is not decided (STO-23)", async () => {
    const kit = await startStorage(sealing);
    await remove(kit, await mustPut(kit, randomBytes(900 * KiB, 1)));
    // Its number stays pending: the commit may be on the disk, and cannot be taken back yet.
    kit.disk.failNext("sync", "EIO");
    kit.disk.failNext("truncate", "EIO");
    assert(!(await put(kit, randomBytes(1000, 2))).ok);
    const bytes = randomBytes(1000, 3);
    kit.disk.failNext("truncate", "EIO");
    const { manifest } = await mustPut(kit, bytes);
    const listed = await kit.ref.call("listManifests", { after: undefined, limit: 10 }, within);
    assert(listed.ok && !listed.value.entries.some((entry) => entry.manifest === manifest), "lists end before it");

    for (let count = 0; count < 3; count += 1) await collect(kit, true);

    assert(await isReadable(kit, manifest, bytes));
  });

  it("removes no file that somebody reads from, and serves him to the end (STO-24)", async () => {
    const kit = await startStorage(sealing);
    const bytes = randomBytes(900 * KiB, 1);
    const stored = await mustPut(kit, bytes);
    const [pack] = await listPacks(kit);
    const node = await kit.ref.call("getManifest", { root: stored.manifest }, within);
    assert(node.ok);
    const decoded = decodeManifest(node.value);
    assert(decoded.ok);
    const slices = decoded.value.links.map(({ digest: chunk, length }) => ({ chunk, offset: 0, lengthBytes: length }));
    const reading = await kit.ref.call("readChunks", { slices }, within);
    assert(reading.ok);
    const into = new Uint8Array(64 * KiB);
    assert.equal(await reading.value.source.read(into), into.length);

    await remove(kit, stored);
    await collect(kit, true);
    assert.deepEqual(await listPacks(kit), [pack]);
    const rest = await readAll(reading.value.source);

    assert(rest !== undefined);
    assert.deepEqual(Buffer.concat([into, rest]), Buffer.from(bytes));
    await kit.clock.settle();
    assert.deepEqual(await listPacks(kit), []);
  });

  it("leaves a pack with a damaged record where it is, and says so (STO-25)", async () => {
    const kit = await startStorage(sealing);
    const [kept, other] = [randomBytes(100 * KiB, 1), randomBytes(900 * KiB, 2)];
    const stored = await mustPut(kit, kept);
    const packs = await listPacks(kit);
    await remove(kit, await mustPut(kit, other));
    kit.disk.flipByte(packs[0] ?? "", 8 * KiB + 128 + 64 + 50_000);

    const report = await collect(kit, true);

    assert.equal(report.packsCompacted, 0);
    assert((await listPacks(kit)).includes(packs[0] ?? ""));
    const facts = await kit.ref.call("describe", {}, within);
    assert(facts.ok && facts.value.damagedChunkCount === 1);
    assert((await put(kit, kept)).ok);
    // It has grown to its full size, and is sealed before it is compacted.
    const [first, second] = [await collect(kit, true), await collect(kit, true)];
    assert.equal(first.packsCompacted + second.packsCompacted, 1);
    assert(await isReadable(kit, stored.manifest, kept));
  });

  it("gives nothing up where a manifest cannot be read, and says which (STO-25)", async () => {
    const kit = await startStorage(sealing);
    const kept = await mustPut(kit, randomBytes(100 * KiB, 1));
    await remove(kit, await mustPut(kit, randomBytes(900 * KiB, 2)));
    kit.disk.failNext("read", "EIO");
    kit.disk.failNext("read", "EIO");

    const report = await collect(kit, true);

    assert.match(report.blocked ?? "", new RegExp(`a manifest cannot be read: ${kept.manifest}`));
    assert.equal(report.packsCompacted, 0);
    assert.equal((await collect(kit, true)).packsCompacted, 1);
  });

  it("gives nothing up where a manifest is damaged: its chunks make the object whole again (STO-25)", async () => {
    const kit = await startStorage(sealing);
    const bytes = randomBytes(900 * KiB, 1);
    const kept = await mustPut(kit, bytes);
    await remove(kit, await mustPut(kit, randomBytes(900 * KiB, 2)));
    const turnByte = await byteOf(kit, kept.manifest);
    turnByte();

    const report = await collect(kit, true);

    assert.match(report.blocked ?? "", new RegExp(`a manifest is damaged: ${kept.manifest}`));
    assert.deepEqual([report.packsCompacted, report.freedBytes], [0, 0]);
    turnByte();
    const healed = await put(kit, bytes);
    assert(healed.ok && (await isReadable(kit, kept.manifest, bytes)));
    assert.equal((await collect(kit, true)).blocked, undefined);
  });

  it("begins by itself, every collectIntervalMs", async () => {
    const kit = await startStorage({ config: { collectIntervalMs: 5000, trashMs: 7000 } });
    const stored = await mustPut(kit, randomBytes(5000, 1));
    await remove(kit, stored);
    const buried: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await kit.clock.advance(5000);
      for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
      const facts = await kit.ref.call("describe", {}, within);
      assert(facts.ok);
      buried.push(facts.value.collection.last?.buriedCount ?? -1);
    }

    assert.deepEqual(buried, [0, 1, 0]);
  });
});

async function listPacks(kit: StorageKit): Promise<readonly string[]> {
  const listed = await kit.disk.list(`${directory}/packs`);
  assert(listed.ok);
  return listed.value.map(({ name }) => `${directory}/packs/${name}`).sort();
}

/** Turns the first byte of a manifest, where its pack has it; once more, and it is what it was. */
async function byteOf(kit: StorageKit, root: Digest): Promise<() => void> {
  const manifest = await kit.ref.call("getManifest", { root }, within);
  assert(manifest.ok);
  for (const path of await listPacks(kit)) {
    const file = await kit.disk.readFile(path);
    assert(file.ok);
    const at = Buffer.from(file.value).indexOf(manifest.value);
    if (at >= 0) return () => kit.disk.flipByte(path, at);
  }
  return assert.fail("a manifest is in a pack");
}

/** Waits at `gateAt` until the gate opens. */
class GatedSource implements ByteSource {
  readonly failure = undefined;
  readonly bytes: Buffer;
  readonly waiting: Promise<void>;
  readonly #gateAt: number;
  readonly #gate: Promise<void>;
  #wait: () => void = () => undefined;
  #at = 0;

  constructor(bytes: Buffer, gateAt: number, gate: Promise<void>) {
    this.bytes = bytes;
    this.#gateAt = gateAt;
    this.#gate = gate;
    this.waiting = new Promise((resolve) => {
      this.#wait = resolve;
    });
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#at === this.#gateAt) {
      this.#wait();
      await this.#gate;
    }
    const end = this.#at < this.#gateAt ? this.#gateAt : this.bytes.length;
    const count = Math.min(into.length, end - this.#at);
    into.set(this.bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return count === 0 ? ENDED : count;
  }

  cancel(): void {
    // It never fails.
  }
}
