/** Syncs that begin before an upload ends: when they begin, and that a failed one is never forgotten. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EarlySync } from "#actors/storage/puts/early-sync.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, startStorage, whole } from "#test/actors/storage/storage-kit.ts";

/** A disk whose syncs end when they are told to. */
function heldDisk() {
  const held: ((synced: Result<void, DiskFailure>) => void)[] = [];
  const synced: number[] = [];
  const sync = (descriptor: number): Promise<Result<void, DiskFailure>> => {
    synced.push(descriptor);
    return new Promise((resolve) => held.push(resolve));
  };
  return { sync, synced, held };
}

describe("storage: early syncs", () => {
  it("begin with every eighth of a pack, one at a time", async () => {
    const disk = heldDisk();
    const early = new EarlySync(disk, 80);
    early.wrote(3, 9);
    await undefined;
    assert.deepEqual(disk.synced, []);
    early.wrote(3, 1);
    await undefined;
    assert.deepEqual(disk.synced, [3]);
    early.wrote(3, 25);
    await undefined;
    assert.deepEqual(disk.synced, [3]);

    disk.held.shift()?.(ok());
    await early.settle();
    early.wrote(3, 1);
    await undefined;

    assert.deepEqual(disk.synced, [3, 3]);
  });

  it("tell a failure whenever they are asked, and begin no further one", async () => {
    const disk = heldDisk();
    const early = new EarlySync(disk, 8);
    const broken: DiskFailure = { code: "disk.broken", path: "", errno: "EIO" };
    early.wrote(3, 1);
    await undefined;
    disk.held.shift()?.(fail(broken));
    assert.deepEqual(await early.settle(), fail(broken));

    early.wrote(3, 1);

    assert.deepEqual(await early.settle(), fail(broken));
    assert.deepEqual(disk.synced, [3]);
  });

  it("fail the put although the sync after them succeeds, and nothing goes through its descriptor any more (STO-8)", async () => {
    const kit = await startStorage();
    const { disk } = kit;
    const { close, sync, truncate } = disk;
    const distrusted = new Set<number>();
    disk.sync = async (descriptor) => {
      assert(!distrusted.has(descriptor), "it is not synced again");
      const synced = await sync.call(disk, descriptor);
      if (!synced.ok) distrusted.add(descriptor);
      return synced;
    };
    disk.close = (descriptor) => {
      distrusted.delete(descriptor);
      return close.call(disk, descriptor);
    };
    disk.truncate = async (descriptor, sizeBytes) => {
      assert(!distrusted.has(descriptor), "it cuts nothing");
      return await truncate.call(disk, descriptor, sizeBytes);
    };
    const bytes = randomBytes(3 * MiB, 1);
    // The first sync of this put is an early one: an eighth of a pack of 4 MiB comes long before the end.
    kit.disk.failNext("sync", "EIO");

    const refused = await put(kit, bytes);

    assert(!refused.ok);
    assert.deepEqual(refused.failure, { code: "storage.write-failed", errno: "EIO" });
    const again = await put(kit, bytes);
    assert(again.ok && !again.value.known);
    disk.crash(seededRandom(1));
    const next = await startStorage({ disk, kv: memoryKvStores() });
    await whole(next);
    assert.deepEqual(Buffer.from(await mustRead(next.ref, again.value.manifest, "the object")), Buffer.from(bytes));
  });
});
