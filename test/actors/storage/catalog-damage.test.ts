/** A catalog of which a value has decayed: it is only a cache, and must not decide what is cut, or given out again (STO-9). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB } from "#runtime/units.ts";
import { exitOf, life, mustHold, stored, turns } from "#test/actors/storage/refused-reads.ts";
import { put, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const objects = [1, 2, 3, 4].map((seed) => randomBytes(25_000, seed));
const KEY_PREFIXES = { meta: "m", pack: "p", commit: "l", chunk: "c", manifest: "n" } as const;

/** Stored, with the catalog on the disk; then the first value of a kind decays, or the first key. */
async function decayed(kind: keyof typeof KEY_PREFIXES, what: "value" | "key" = "value") {
  const disk = new MemoryDisk();
  const world = { disk, kv: memoryKvStores({ disk }) };
  const kit = await startStorage(world);
  const done = [];
  for (const bytes of objects) done.push(await stored(kit, bytes));
  await kit.actor.stop();
  const opened = await world.kv.open("/data/catalog", { mapBytesMax: 2 ** 30 });
  assert(opened.ok);
  const prefix = KEY_PREFIXES[kind].charCodeAt(0);
  const [pair] = opened.value.range(Uint8Array.of(prefix), Uint8Array.of(prefix + 1), 1);
  assert(pair !== undefined);
  // A key that has decayed is one that is not there, and another that nobody asks for.
  if (what === "key") await opened.value.batch([{ key: pair.key, value: undefined }]);
  await opened.value.close();
  if (what === "value") world.kv.damageValue("/data/catalog", pair.key);
  return { world, done };
}

describe("storage: a damaged catalog", () => {
  for (const kind of ["meta", "pack"] as const) {
    it(`is rebuilt by the start that finds it (${kind})`, async () => {
      const { world, done } = await decayed(kind);
      await life(world, async (kit) => {
        await mustHold(kit, done, objects);
        const more = await stored(kit, randomBytes(25_000, 5));
        const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
        assert(page.ok && page.value.entries.length === 5);
        assert.equal(page.value.entries.at(-1)?.manifest, more.manifest);
      });
    });
  }

  for (const kind of ["commit", "chunk", "manifest"] as const) {
    it(`ends the life that finds it, and is rebuilt by the next one (${kind})`, async () => {
      const { world, done } = await decayed(kind);
      const kit = await startStorage(world);
      await whole(kit);
      await Promise.all([
        kit.ref.call("listManifests", { after: undefined, limit: 100 }, within),
        ...objects.map(async (bytes) => await put(kit, bytes)),
        ...done.map(async ({ manifest }) => await kit.ref.call("getManifest", { root: manifest }, within)),
      ]);
      assert.equal((await exitOf(kit))?.kind, "crashed");

      await kit.restart();
      await whole(kit);
      await turns();
      await mustHold(kit, done, objects);
      assert.equal(kit.exits.length, 1);
    });
  }

  it("goes also where its store takes nothing any more (STO-7)", async () => {
    const { world, done } = await decayed("commit");
    const kit = await startStorage(world);
    await whole(kit);
    world.kv.refuseBatches("the disk is full");
    const listed = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
    assert(!listed.ok && (await exitOf(kit))?.kind === "crashed");

    await kit.restart();
    await whole(kit);
    await mustHold(kit, done, objects);
    const again = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
    assert(again.ok && again.value.entries.length === objects.length);
  });
});

describe("storage: a catalog that has lost a key", () => {
  for (const kind of ["commit", "chunk", "manifest"] as const) {
    it(`takes nothing from the seal of a pack, and so nothing is lost with it (${kind}) (STO-1)`, async () => {
      const { world, done } = await decayed(kind, "key");
      const config = { packSealBytes: 64 * KiB };
      const sealing = await startStorage({ ...world, config });
      await whole(sealing);
      await turns();
      if (sealing.exits.length > 0) {
        await sealing.restart();
        await whole(sealing);
        await turns();
      }
      await sealing.actor.stop();
      assert.equal(world.disk.openCount, 0);
      world.kv.remove("/data/catalog");

      await life({ ...world, config }, async (kit) => {
        await mustHold(kit, done, objects);
        const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
        assert(page.ok && page.value.entries.length === objects.length);
      });
    });
  }
});
