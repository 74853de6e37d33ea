/** A collection of a pack that was cut: what lay behind its end is forgotten when nothing needs it, and known as long as something does. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { PACKS_LOOK_INTERVAL_MS } from "#actors/storage/packs/pack-watch.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import {
  type KitOptions,
  randomBytes,
  type StorageKit,
  startStorage,
  whole,
  within,
} from "#test/actors/storage/storage-kit.ts";

const FIRST = "/data/packs/00000001.pack";

/** All but the first bytes of the first pack are cut off between two lives. */
async function cut(kit: StorageKit, endBytes: number, options: KitOptions = {}): Promise<StorageKit> {
  await kit.actor.stop();
  await shorten(kit, endBytes);
  return await startStorage({ ...options, disk: kit.disk, kv: kit.kv });
}

async function shorten({ disk }: StorageKit, endBytes: number): Promise<void> {
  const opened = must(await disk.open(FIRST, "write"), "opened");
  must(await disk.truncate(opened, endBytes), "cut");
  await disk.close(opened);
}

/** Behind the end lie all but the first of some objects. */
async function cutObjects() {
  const kit = await startStorage();
  const before = await mustPut(kit, randomBytes(100 * KiB, 1));
  const endBytes = await sizeOf(kit);
  const behind: StoredObject[] = [];
  for (const seed of [2, 3]) behind.push(await mustPut(kit, randomBytes(600 * KiB, seed)));
  return { kit: await cut(kit, endBytes + 100), before, behind };
}

async function sizeOf({ disk }: StorageKit): Promise<number> {
  const opened = must(await disk.open(FIRST, "read"), "opened");
  const sizeBytes = must(await disk.sizeBytes(opened), "its size");
  await disk.close(opened);
  return sizeBytes;
}

async function described({ ref }: StorageKit) {
  const { chunkCount, damagedChunkCount, packCount } = must(await ref.call("describe", {}, within), "described");
  return { chunkCount, damagedChunkCount, packCount };
}

describe("storage: a collection of a pack that was cut (STO-122)", () => {
  it("forgets what lay behind its end, and is dead", async () => {
    const { kit, before, behind } = await cutObjects();
    for (const stored of behind) await remove(kit, stored);

    await collect(kit, true);

    assert.deepEqual(await described(kit), { chunkCount: 1, damagedChunkCount: 0, packCount: 1 });
    await mustRead(kit.ref, before.manifest, "what lay before the cut");
    await mustPut(kit, randomBytes(500, 4));
    assert.equal((await described(kit)).packCount, 1, "it is written on");
  });

  it("gives the pack up where nothing in it is needed", async () => {
    const { kit, before, behind } = await cutObjects();
    for (const stored of [...behind, before]) await remove(kit, stored);

    const { packsCompacted } = await collect(kit, true);

    assert.equal(packsCompacted, 1);
    assert.deepEqual(await described(kit), { chunkCount: 0, damagedChunkCount: 0, packCount: 0 });
  });

  it("leaves it while something that is lost is live, and serves that when it is put back (STO-93)", async () => {
    // Its manifest is in another pack than its first chunk: the collection is not blocked.
    const first = await startStorage({ config: { packSealBytes: 1 * MiB } });
    const stored = await mustPut(first, randomBytes(3500 * KiB, 1));
    for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
    const file = must(await first.disk.readFile(FIRST), "the pack is read");
    const kit = await cut(first, PACK_FRONT_BYTES + 100);
    const lacking = await described(kit);
    assert.equal(lacking.damagedChunkCount, 1);

    assert.equal((await collect(kit, true)).blocked, undefined);
    await mustPut(kit, randomBytes(500, 2));

    assert.equal((await described(kit)).damagedChunkCount, 1);
    assert.equal(await sizeOf(kit), PACK_FRONT_BYTES);
    await kit.actor.stop();
    must(await kit.disk.replaceFile(FIRST, file), "put back");
    const next = await startStorage({ disk: kit.disk, kv: kit.kv });
    assert.equal((await described(next)).damagedChunkCount, 0);
    await mustRead(next.ref, stored.manifest, "put back");
  });

  it("forgets what is lost of it also where all of that is gone by then", async () => {
    const first = await startStorage();
    const stored = await mustPut(first, randomBytes(600 * KiB, 1));
    const kit = await cut(first, 100);
    await kit.actor.stop();
    must(await kit.disk.remove(FIRST), "removed");
    const next = await startStorage({ disk: kit.disk, kv: kit.kv });
    assert.equal((await described(next)).packCount, 1);
    await remove(next, stored);

    await collect(next, true);

    assert.deepEqual(await described(next), { chunkCount: 0, damagedChunkCount: 0, packCount: 0 });
  });

  it("forgets what is lost of it also where it was gone before, and put back in part", async () => {
    const { kit, behind } = await cutObjects();
    await kit.actor.stop();
    const part = must(await kit.disk.readFile(FIRST), "the pack is read");
    must(await kit.disk.remove(FIRST), "removed");
    const without = await startStorage({ disk: kit.disk, kv: kit.kv });
    await without.actor.stop();
    must(await kit.disk.replaceFile(FIRST, part), "put back");
    const next = await startStorage({ disk: kit.disk, kv: kit.kv });
    for (const stored of behind) await remove(next, stored);

    await collect(next, true);

    assert.deepEqual(await described(next), { chunkCount: 1, damagedChunkCount: 0, packCount: 1 });
  });

  for (const packSealBytes of [8 * MiB, 2 * MiB]) {
    it(`leaves it where it is cut again, and that is live (full at ${packSealBytes}), though all that it lacked before is dead (STO-127)`, async () => {
      const fixed = { chunker: "fixed/1" } as const;
      const shared = randomBytes(2 * MiB, 1);
      const first = await startStorage({ config: { packSealBytes: 3 * MiB } });
      const dead = await mustPut(first, Buffer.concat([shared, randomBytes(3 * MiB, 2)]), fixed);
      await turns();
      // Its manifest is in another pack than what both need: the collection is not blocked.
      const live = await mustPut(first, Buffer.concat([shared, randomBytes(2 * MiB, 3)]), fixed);
      await turns();
      await remove(first, dead);
      const file = must(await first.disk.readFile(FIRST), "the pack is read");
      const config = { packSealBytes, compactBelowPercent: 1 };
      const kit = await cut(first, 2.5 * MiB, { config });
      await shorten(kit, 1.5 * MiB);
      await kit.clock.advance(PACKS_LOOK_INTERVAL_MS);
      await turns();

      assert.equal((await collect(kit, true)).blocked, undefined);
      await mustPut(kit, randomBytes(1000, 4));
      await turns();

      assert.equal(await sizeOf(kit), 1.5 * MiB);
      assert.equal((await described(kit)).damagedChunkCount, 1);
      await kit.actor.stop();
      must(await kit.disk.replaceFile(FIRST, file), "put back");
      const next = await startStorage({ disk: kit.disk, kv: kit.kv, config });
      await mustRead(next.ref, live.manifest, "put back");
    });
  }

  for (const partBytes of [0, 100]) {
    it(`writes on one that was cut while the node ran (${partBytes} bytes into a record) only when a recovery has looked through it (STO-127)`, async () => {
      const config = { packSealBytes: 4 * MiB };
      const kit = await startStorage({ config });
      const stored: StoredObject[] = [];
      for (const seed of [1, 2, 3, 4]) stored.push(await mustPut(kit, randomBytes(50 * KiB, seed)));
      const endBytes = await sizeOf(kit);
      const behind = await mustPut(kit, randomBytes(600 * KiB, 5));
      await shorten(kit, endBytes + partBytes);
      await kit.clock.advance(PACKS_LOOK_INTERVAL_MS);
      await turns();
      await remove(kit, behind);
      await collect(kit, true);
      await mustPut(kit, randomBytes(500, 6));
      assert.equal(await sizeOf(kit), endBytes + partBytes);

      await kit.actor.stop();
      const next = await startStorage({ disk: kit.disk, kv: kit.kv, config });
      await collect(next, true);
      stored.push(await mustPut(next, randomBytes(600, 7)));

      assert((await sizeOf(next)) > endBytes + partBytes);
      await next.actor.stop();
      const rebuilt = await startStorage({ disk: kit.disk, config });
      await whole(rebuilt);
      for (const { manifest } of stored) await mustRead(rebuilt.ref, manifest, "without a catalog");
    });
  }
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 400; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
