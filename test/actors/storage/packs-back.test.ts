/** Packs that were gone and are put back: whole or not, as another one, or only for a moment (STO-126, STO-130). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { fail, must } from "#runtime/errors.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { refuseReads, turns } from "#test/actors/storage/refused-reads.ts";
import { put, randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { scrubbed } from "#test/actors/storage/volumes/spread-kit.ts";

const config = { packSealBytes: 1 * MiB } as const;
const AWAY = "/data/away.pack";
const objects = Array.from({ length: 8 }, (_, seed) => randomBytes(450 * KiB, seed));

/** Several packs, and no node. */
async function filled() {
  const kit = await startStorage({ config });
  const stored: StoredObject[] = [];
  for (const bytes of objects) stored.push(await mustPut(kit, bytes));
  await turns();
  await kit.actor.stop();
  const { disk, kv } = kit;
  return { disk, stored, nextLife: () => startStorage({ disk, kv, config }) };
}

/** The first pack is away, and a life knows it. */
async function filledAndLost() {
  const world = await filled();
  const file = must(await world.disk.readFile(firstPack), "read");
  must(await world.disk.rename(firstPack, AWAY), "it is away");
  const without = await world.nextLife();
  const lostCount = await damagedCount(without);
  assert(lostCount > 0);
  await without.actor.stop();
  return { ...world, file, lostCount };
}

async function damagedCount({ ref }: StorageKit): Promise<number> {
  return must(await ref.call("describe", {}, within), "described").damagedChunkCount;
}

/** Whatever is answered, what is put can be read. */
async function assertPutsHold(kit: StorageKit): Promise<void> {
  for (const bytes of objects)
    await mustRead(kit.ref, must(await put(kit, bytes), "put").manifest, "what is put again");
}

/** Runs `act` after the packs were listed for the first time. */
function afterFirstList(disk: MemoryDisk, act: () => Promise<unknown>): void {
  const { list } = disk;
  disk.list = async (path) => {
    const listed = await list.call(disk, path);
    if (path !== "/data/packs") return listed;
    disk.list = list;
    await act();
    return listed;
  };
}

describe("storage: a pack that is put back, and is not what it was", () => {
  for (const from of [0, 16 * KiB, 500 * KiB]) {
    it(`has only what holds counted again, and is scrubbed first (a hole from ${from}) (STO-126)`, async () => {
      const { disk, file, lostCount, nextLife } = await filledAndLost();
      must(await disk.replaceFile(firstPack, Uint8Array.from(file).fill(0, from, 1000 * KiB)), "put back");

      const kit = await nextLife();
      await scrubbed(kit);

      const left = await damagedCount(kit);
      assert(left > 0 && left < lostCount);
      await assertPutsHold(kit);
    });
  }

  it("stays gone where another one is in its place (STO-126)", async () => {
    const { disk, lostCount, nextLife } = await filledAndLost();
    const other = await filled();
    must(await disk.replaceFile(firstPack, must(await other.disk.readFile(firstPack), "read")), "put in its place");

    const kit = await nextLife();

    // It holds the same, by chance.
    assert.equal(await damagedCount(kit), lostCount);
    assert.equal(kit.actor.health.state, "degraded");
    await assertPutsHold(kit);
  });

  it("is not given up for what is refused for a moment: the next start reads it (STO-126)", async () => {
    const { disk, nextLife, stored } = await filled();
    const file = must(await disk.readFile(firstPack), "read");
    must(await disk.replaceFile(firstPack, file.subarray(0, 500 * KiB)), "cut");
    await (await nextLife()).actor.stop();
    must(await disk.replaceFile(firstPack, file), "put back");
    const mend = refuseReads(disk, (path, _descriptor, into) => path === firstPack && into.length > 4 * KiB, "ENOMEM");
    await assert.rejects(nextLife());
    mend();

    const kit = await nextLife();

    assert.deepEqual([await damagedCount(kit), kit.actor.health.state], [0, "ready"]);
    for (const { manifest } of stored) await mustRead(kit.ref, manifest, "it was only away");
  });
});

describe("storage: a pack that goes while a start looks at it (STO-130)", () => {
  it("counts as gone: nothing that it held is relied upon", async () => {
    const { disk, nextLife } = await filled();
    afterFirstList(disk, () => disk.remove(firstPack));

    const kit = await nextLife();

    assert((await damagedCount(kit)) > 0);
    assert.equal(kit.actor.health.state, "degraded");
    await assertPutsHold(kit);
  });

  it("counts as gone again at the next one, where it was back in between", async () => {
    const { disk, lostCount, nextLife } = await filledAndLost();
    must(await disk.rename(AWAY, firstPack), "it is back");
    const { syncDirectory } = disk;
    // Just before the recovery says what has become of it.
    disk.syncDirectory = async (path) =>
      path === "/data/packs" ? fail({ code: "disk.broken", path, errno: "EIO" }) : await syncDirectory.call(disk, path);
    await assert.rejects(nextLife());
    disk.syncDirectory = syncDirectory;
    must(await disk.rename(firstPack, AWAY), "away again");

    const kit = await nextLife();

    assert.equal(await damagedCount(kit), lostCount);
    assert.equal(kit.actor.health.state, "degraded");
    await assertPutsHold(kit);
  });
});

describe("storage: a pack that is gone together with the catalog", () => {
  it("is missed by who asks for damage from the next scrub on, until what was in it is put again (STO-4)", async () => {
    const before = await startStorage({ config });
    const manner = { chunker: "fixed/1" } as const;
    const [shared, own, ...others] = [50, 51, 52, 53, 54].map((seed) => randomBytes(1 * MiB, seed));
    assert(shared !== undefined && own !== undefined);
    const bytes = Buffer.concat([shared, own]);
    await mustPut(before, shared, manner);
    const { manifest } = await mustPut(before, bytes, manner);
    for (const other of others) await mustPut(before, other, manner);
    await turns();
    await before.actor.stop();
    must(await before.disk.rename(firstPack, AWAY), "it is away");
    const kit = await startStorage({ disk: before.disk, config });
    await turns();

    await scrubbed(kit);
    const told = await kit.ref.call("isDamaged", { root: manifest }, within);
    const countOfMarked = await damagedCount(kit);
    await mustPut(kit, bytes, manner);

    assert.deepEqual([must(told, "told"), countOfMarked], [true, 0]);
    assert.equal(must(await kit.ref.call("isDamaged", { root: manifest }, within), "told"), false);
  });
});
