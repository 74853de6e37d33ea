/** Objects that several manifests describe, of which not all are held (STO-124). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import {
  randomBytes,
  type StorageKit,
  smallConfig,
  startStorage,
  whole,
  within,
} from "#test/actors/storage/storage-kit.ts";

const sealing = { config: { packSealBytes: 1 * MiB } } as const;
const bytes = randomBytes(3500 * KiB, 1);

interface Given {
  readonly kit: StorageKit;
  /** Put without an end. */
  readonly lasting: StoredObject;
  /** The same object, cut otherwise, for a second. */
  readonly timed: StoredObject;
}

async function given(): Promise<Given> {
  const kit = await startStorage(sealing);
  const lasting = await mustPut(kit, bytes);
  const timed = await mustPut(kit, bytes, { chunker: "fixed/1", keepMs: 1000 });
  assert(timed.manifest !== lasting.manifest);
  return { kit, lasting, timed };
}

async function isThere({ ref }: StorageKit, { manifest }: StoredObject): Promise<boolean> {
  const read = await readObject(ref, manifest);
  if (read instanceof Uint8Array) assert.equal(Buffer.compare(read, bytes), 0);
  else assert(["storage.removed", "storage.manifest-not-found"].includes(read.code), read.code);
  return read instanceof Uint8Array;
}

/** The next life, with a catalog that was made anew. */
async function restarted(kit: StorageKit): Promise<StorageKit> {
  kit.actor.kill("test");
  await kit.clock.settle();
  const next = await startStorage({ ...sealing, disk: kit.disk });
  await whole(next);
  return next;
}

describe("storage: an object of several manifests", () => {
  for (const emptyTrash of [false, true]) {
    it(`stays by the one that it was put with without an end ${emptyTrash ? "for good" : "while the other can be restored"} (STO-124)`, async () => {
      const { kit, lasting, timed } = await given();
      await kit.clock.advance(2000);

      await collect(kit, emptyTrash);
      const { blocked } = await collect(kit, emptyTrash);

      assert.equal(blocked, undefined);
      assert(await isThere(kit, lasting));
      assert(!(await isThere(kit, timed)));
      const next = await restarted(kit);
      await collect(next, emptyTrash);
      assert(await isThere(next, lasting));
      assert(!(await isThere(next, timed)));
    });
  }

  it("is removed whole, though a collection has removed a part of it before (STO-124)", async () => {
    const { kit, lasting, timed } = await given();
    await kit.clock.advance(2000);
    await collect(kit, false);

    await remove(kit, lasting);

    assert(!(await isThere(kit, lasting)));
    assert(!(await isThere(kit, timed)));
  });

  it("is let go whole, though a collection has removed a part of it before (STO-124)", async () => {
    const { kit, lasting, timed } = await given();
    await kit.clock.advance(2000);
    await collect(kit, false);
    assert((await kit.ref.call("unpinObject", { manifest: lasting.manifest }, within)).ok);

    await collect(kit, false);

    assert(!(await isThere(kit, lasting)));
    assert(!(await isThere(kit, timed)));
  });

  it("is let go whole where both were put without an end (STO-124)", async () => {
    const kit = await startStorage(sealing);
    const all = [await mustPut(kit, bytes), await mustPut(kit, bytes, { chunker: "fixed/1" })];
    const [{ manifest } = assert.fail()] = all;
    assert((await kit.ref.call("unpinObject", { manifest }, within)).ok);

    const { removedCount } = await collect(kit, false);

    assert.equal(removedCount, 1);
    for (const one of all) assert(!(await isThere(kit, one)));
  });

  it("has both again where the one that a collection has removed is restored (STO-124)", async () => {
    const { kit, lasting, timed } = await given();
    await kit.clock.advance(2000);
    await collect(kit, false);
    const { address = assert.fail("it has an address") } = lasting;

    assert((await kit.ref.call("restoreObject", { address }, within)).ok);

    const next = await restarted(kit);
    await collect(next, true);
    assert(await isThere(next, lasting));
    assert(await isThere(next, timed));
  });

  it("is held as long as a put asks for, also where another of its manifests is restored, until it is let go (STO-124)", async () => {
    const kit = await startStorage(sealing);
    const lasting = await mustPut(kit, bytes);
    await remove(kit, lasting);
    const timed = await mustPut(kit, bytes, { chunker: "fixed/1", keepMs: 60_000 });
    const { address = assert.fail("it has an address") } = lasting;

    assert((await kit.ref.call("restoreObject", { address }, within)).ok);

    await kit.clock.advance(61_000);
    await collect(kit, true);
    assert(await isThere(kit, lasting));
    assert(await isThere(kit, timed));
    assert((await kit.ref.call("unpinObject", { manifest: lasting.manifest }, within)).ok);
    await collect(kit, true);
    assert(!(await isThere(kit, lasting)));
    assert(!(await isThere(kit, timed)));
  });

  it("can be restored as long as ever where a part of it was removed before (STO-21)", async () => {
    const { kit, lasting, timed } = await given();
    await kit.clock.advance(2000);
    await collect(kit, false);
    await kit.clock.advance(smallConfig.trashMs - 1);

    await remove(kit, timed);

    await kit.clock.advance(2);
    await collect(kit, false);
    const { address = assert.fail("it has an address") } = lasting;
    assert((await kit.ref.call("restoreObject", { address }, within)).ok);
    for (const one of [lasting, timed]) assert(await isThere(kit, one));
  });

  it("is pinned no more where it is removed by the manifest that was removed before (STO-21)", async () => {
    const kit = await startStorage(sealing);
    const first = await mustPut(kit, bytes);
    await remove(kit, first);
    const pinned = await mustPut(kit, bytes, { chunker: "fixed/1", keepMs: 1000 });
    assert((await kit.ref.call("pinObject", { manifest: pinned.manifest }, within)).ok);
    await remove(kit, first);
    assert(!(await isThere(kit, pinned)));

    await mustPut(kit, bytes, { chunker: "fixed/1", keepMs: 1000 });

    await kit.clock.advance(2000);
    await collect(kit, false);
    assert(!(await isThere(kit, pinned)));
  });

  for (const by of ["lasting", "timed"] as const) {
    it(`has all again that was held where it is restored, and was removed by the ${by} one (STO-124)`, async () => {
      const world = await given();
      const { kit, lasting, timed } = world;
      assert((await kit.ref.call("pinObject", { manifest: timed.manifest }, within)).ok);
      await kit.clock.advance(2000);
      await remove(kit, world[by]);
      const { address = assert.fail("it has an address") } = lasting;
      assert((await kit.ref.call("restoreObject", { address }, within)).ok);

      for (const emptyTrash of [false, true]) await collect(kit, emptyTrash);

      for (const one of [lasting, timed]) assert(await isThere(kit, one));
    });
  }
});
