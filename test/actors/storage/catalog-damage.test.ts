/** A catalog of which a value has decayed: it is only a cache, and must not decide what is cut, or given out again (STO-9). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { exitOf, life, mustHold, stored, turns } from "#test/actors/storage/refused-reads.ts";
import { put, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const objects = [1, 2, 3, 4].map((seed) => randomBytes(25_000, seed));
const KEY_PREFIXES = { meta: "m", pack: "p", commit: "l", chunk: "c", manifest: "n" } as const;

/** Stored, with the catalog on the disk; then the first value of a kind decays. */
async function decayed(kind: keyof typeof KEY_PREFIXES) {
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
  await opened.value.close();
  world.kv.damageValue("/data/catalog", pair.key);
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
});
