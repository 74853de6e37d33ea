/** Objects that are restored after an older commit of them was given up (STO-121). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";

const sealing = { config: { packSealBytes: 1 * MiB } } as const;
const bytes = randomBytes(3500 * KiB, 1);

interface Given {
  readonly kit: StorageKit;
  /** Given up: its chunks are gone, and its manifest lies in a pack that stays. */
  readonly first: StoredObject;
  /** The same object, cut otherwise, and removed. */
  readonly second: StoredObject;
  readonly other: StoredObject;
}

async function removedTwice(): Promise<Given> {
  const kit = await startStorage(sealing);
  const first = await mustPut(kit, bytes);
  const other = await mustPut(kit, randomBytes(800 * KiB, 2));
  await remove(kit, first);
  const { buriedCount, packsCompacted } = await collect(kit, true);
  assert.deepEqual({ buriedCount, hasCompacted: packsCompacted > 0 }, { buriedCount: 1, hasCompacted: true });
  const second = await mustPut(kit, bytes, { chunker: "fixed/1" });
  assert(second.manifest !== first.manifest);
  await remove(kit, second);
  return { kit, first, second, other };
}

async function restore({ ref }: StorageKit, { address }: StoredObject): Promise<void> {
  assert(address !== undefined);
  assert((await ref.call("restoreObject", { address }, within)).ok);
}

async function isAsRestored({ kit, first, second, other }: Given): Promise<void> {
  const { ref } = kit;
  const listed = await ref.call("listManifests", { after: undefined, limit: 100 }, within);
  assert(listed.ok);
  const manifests = listed.value.entries.map(({ manifest }) => manifest);
  assert.deepEqual(manifests, [other.manifest, second.manifest]);
  assert.deepEqual(await readObject(ref, first.manifest), { code: "storage.removed", root: first.manifest });
  const read = await readObject(ref, second.manifest);
  assert(read instanceof Uint8Array && Buffer.compare(read, bytes) === 0);
}

describe("storage: restoreObject", () => {
  it("brings back what was removed last, and nothing that was given up before (STO-121)", async () => {
    const given = await removedTwice();
    const { kit, first, second } = given;
    const { manifest } = first;
    const again = await kit.ref.call("removeObject", { manifest }, within);
    assert.deepEqual(again, { ok: false, failure: { code: "storage.manifest-not-found", root: manifest } });

    await restore(kit, second);

    await isAsRestored(given);
    assert.equal((await collect(kit, true)).blocked, undefined);
    await isAsRestored(given);
  });

  it("does so in a later life, and after another removal (STO-121)", async () => {
    const given = await removedTwice();
    const { kit, second } = given;
    await restore(kit, second);
    await remove(kit, second);
    await kit.actor.stop();
    const next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });
    await whole(next);

    await restore(next, second);

    await isAsRestored({ ...given, kit: next });
  });

  it("has nothing to bring back where the object was given up, and put again since (STO-121)", async () => {
    const { kit, first, second } = await removedTwice();
    await collect(kit, true);
    await mustPut(kit, bytes);
    assert(second.address !== undefined);

    const restored = await kit.ref.call("restoreObject", { address: second.address }, within);

    assert.deepEqual(restored, { ok: false, failure: { code: "storage.not-in-trash" } });
    assert((await readObject(kit.ref, first.manifest)) instanceof Uint8Array);
  });
});
