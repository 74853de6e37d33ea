/** What is done to an object that is named by the root of a manifest: it is done to the object (STO-114). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { FOR_EVER, NO_KEEP } from "#actors/storage/keeps/keep.ts";
import { encodeKeep } from "#actors/storage/keeps/keep-codec.ts";
import { KeepTable } from "#actors/storage/keeps/keep-table.ts";
import { HeldJournal } from "#runtime/journal/held-journal.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import {
  directory,
  randomBytes,
  type StorageKit,
  startStorage,
  whole,
  within,
} from "#test/actors/storage/storage-kit.ts";

const bytes = randomBytes(5000, 1);

async function isThere(kit: StorageKit, manifest: Digest): Promise<boolean> {
  return (await kit.ref.call("getManifest", { root: manifest }, within)).ok;
}

/** The next life, with a catalog that was made anew. */
async function restarted(kit: StorageKit): Promise<StorageKit> {
  kit.actor.kill("test");
  await kit.clock.settle();
  const next = await startStorage({ disk: kit.disk });
  await whole(next);
  return next;
}

/** As a journal has it from when a pin by a root was not one of the object. */
async function pinnedByRoot(kit: StorageKit, manifest: Digest): Promise<StorageKit> {
  kit.actor.kill("test");
  await kit.clock.settle();
  const { disk } = kit;
  const journal = new HeldJournal({
    disk,
    random: seededRandom(1),
    directory: `${directory}/keeps`,
    makeState: () => new KeepTable(),
    onOpened: () => undefined,
  });
  const record = encodeKeep({ name: `m${manifest}`, keep: { ...NO_KEEP, pinnedUntilMs: FOR_EVER } });
  assert((await journal.append(record)).ok);
  await journal.close();
  const next = await startStorage({ disk });
  await whole(next);
  return next;
}

describe("storage: an object that is named by a root", () => {
  it("is held, and let go (STO-114)", async () => {
    const kit = await startStorage();
    const { manifest } = await mustPut(kit, bytes, { keepMs: 1000 });

    assert((await kit.ref.call("pinObject", { manifest }, within)).ok);
    const next = await restarted(kit);
    await next.clock.advance(2000);
    await collect(next, true);
    assert(await isThere(next, manifest));
    assert((await next.ref.call("unpinObject", { manifest }, within)).ok);
    await collect(next, false);

    assert(!(await isThere(next, manifest)));
  });

  it("is removed with all its manifests, is in the trash by its address, and is given up with that (STO-114)", async () => {
    const kit = await startStorage();
    const { address, manifest } = await mustPut(kit, bytes);
    const other = await mustPut(kit, bytes, { chunker: "fixed/1" });
    assert.notEqual(other.manifest, manifest);

    await remove(kit, { ...other, address: undefined });

    const next = await restarted(kit);
    const trash = await next.ref.call("listTrash", { limit: 10 }, within);
    assert(trash.ok);
    assert.deepEqual(
      trash.value.entries.map((entry) => [entry.address, entry.manifest]),
      [[address, other.manifest]],
    );
    for (const root of [manifest, other.manifest]) {
      assert(!(await isThere(next, root)));
      const found = await next.ref.call("findCommitted", { root }, within);
      assert.deepEqual(found, { ok: true, value: { address, manifest: root, sizeBytes: 5000 } });
    }
    assert.equal((await collect(next, true)).buriedCount, 1);
    const restored = await next.ref.call("restoreObject", { root: manifest }, within);
    assert(!restored.ok && restored.failure.code === "storage.not-in-trash");
  });

  it("is restored, whatever it was removed by (STO-114)", async () => {
    const kit = await startStorage();
    const { address, manifest } = await mustPut(kit, bytes);
    const other = await mustPut(kit, bytes, { chunker: "fixed/1" });
    const there = { ok: true, value: { address, manifest, sizeBytes: 5000, isTransient: false } };
    await remove(kit, { ...other, manifest });

    for (const root of [manifest, other.manifest])
      assert.deepEqual(await kit.ref.call("findRemoved", { root }, within), there);
    assert.deepEqual(await kit.ref.call("restoreObject", { root: other.manifest }, within), there);

    assert((await isThere(kit, manifest)) && (await isThere(kit, other.manifest)));
  });

  it("stays pinned where another manifest of it needs no pin (STO-114)", async () => {
    const kit = await startStorage();
    const { manifest } = await mustPut(kit, bytes, { keepMs: 1000 });
    assert((await kit.ref.call("pinObject", { manifest }, within)).ok);
    const other = await mustPut(kit, bytes, { chunker: "fixed/1" });

    assert((await kit.ref.call("pinObject", { manifest: other.manifest }, within)).ok);
    await kit.clock.advance(2000);
    await collect(kit, true);

    assert((await isThere(kit, manifest)) && (await isThere(kit, other.manifest)));
  });

  it("is held by the pin of its root that an older journal has, until it is let go (STO-114)", async () => {
    const first = await startStorage();
    const { manifest } = await mustPut(first, bytes, { keepMs: 1000 });
    const kit = await pinnedByRoot(first, manifest);

    await kit.clock.advance(2000);
    await collect(kit, true);
    assert(await isThere(kit, manifest));
    assert((await kit.ref.call("unpinObject", { manifest }, within)).ok);
    await collect(kit, false);

    assert(!(await isThere(kit, manifest)));
  });

  it("can be let go before a collection has seen the pin of an older journal (STO-114)", async () => {
    const first = await startStorage();
    const { manifest } = await mustPut(first, bytes, { keepMs: 1000 });
    const kit = await pinnedByRoot(first, manifest);

    assert((await kit.ref.call("unpinObject", { manifest }, within)).ok);
    await collect(kit, false);

    assert(!(await isThere(kit, manifest)));
  });
});
