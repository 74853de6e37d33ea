/**
 * A rebuild where a pack has lost its seal, or never got one: its records are found by reading it, but commits that refer
 * to them may be in other packs, whose seals only list them.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import {
  isScanOf,
  life,
  mustHold,
  refuseReads,
  sizes,
  stored,
  touching,
  turns,
} from "#test/actors/storage/refused-reads.ts";
import type { StorageKit } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

interface SealedWorld {
  readonly disk: MemoryDisk;
  readonly kv: MemoryKvStores;
  readonly config: { readonly packSealBytes: number };
}

const large = randomBytes(5 * MiB, 1);
const smalls = Array.from({ length: 40 }, (_, seed) => randomBytes(60 * KiB, 100 + seed));

function newWorld(): SealedWorld {
  return { disk: new MemoryDisk(), kv: memoryKvStores(), config: { packSealBytes: 1 * MiB } };
}

/** The large one lies in several packs, with its commit in the last of them; the small ones fill that one up. */
async function fillUp(kit: StorageKit): Promise<readonly StoredObject[]> {
  const done = [await stored(kit, large)];
  for (const bytes of smalls) done.push(await stored(kit, bytes));
  await turns();
  return done;
}

async function sealedNames(disk: MemoryDisk): Promise<readonly string[]> {
  const names: string[] = [];
  for (const [name, sizeBytes] of await sizes(disk)) if (await isSealed(disk, name, sizeBytes)) names.push(name);
  return names;
}

async function isSealed(disk: MemoryDisk, name: string, sizeBytes: number): Promise<boolean> {
  const opened = await disk.open(`/data/packs/${name}`, "read");
  assert(opened.ok);
  const bytes = Buffer.alloc(64);
  await disk.read(opened.value, bytes, Math.max(0, sizeBytes - 64));
  await disk.close(opened.value);
  return bytes.includes("CEPASEAL");
}

describe("storage: a seal that is lost with the catalog", () => {
  for (const [what, fromEnd] of [
    ["the footer", 30],
    ["the table", 100],
  ] as const) {
    it(`costs nothing where ${what} of any one pack is damaged (STO-1)`, async () => {
      const count = await life(newWorld(), async (kit) => {
        await fillUp(kit);
        return (await sealedNames(kit.disk)).length;
      });
      assert(count >= 4, `several packs are sealed: ${count}`);

      for (let index = 0; index < count; index += 1) {
        const world = newWorld();
        const done = await life(world, fillUp);
        const name = (await sealedNames(world.disk))[index] ?? "";
        world.disk.flipByte(`/data/packs/${name}`, ((await sizes(world.disk)).get(name) ?? 0) - fromEnd);
        world.kv.remove("/data/catalog");

        await life(world, (kit) => mustHold(kit, done, [large, ...smalls]));
        // The pack was written on or sealed again meanwhile.
        world.kv.remove("/data/catalog");
        await life(world, (kit) => mustHold(kit, done, [large, ...smalls]));
      }
    });
  }

  it("costs nothing where the first pack could not be sealed, and later ones were (STO-1)", async () => {
    const world = newWorld();
    const undo = refuseReads(world.disk, isScanOf(firstPack), "ENOMEM");
    const done = await life(world, fillUp);
    undo();
    assert.deepEqual((await sealedNames(world.disk)).slice(0, 2), ["00000002.pack", "00000003.pack"]);
    world.kv.remove("/data/catalog");

    await life(world, (kit) => mustHold(kit, done, [large, ...smalls]));
  });

  it("does not bring damage back that was healed", async () => {
    const more = Array.from({ length: 40 }, (_, seed) => randomBytes(60 * KiB, 200 + seed));
    for (let index = 0; ; index += 1) {
      const world = newWorld();
      const done = await life(world, async (kit) => {
        const first = await fillUp(kit);
        world.disk.flipByte(firstPack, 200 * KiB);
        const [damaged] = first;
        assert(damaged !== undefined && !((await readObject(kit.ref, damaged.manifest)) instanceof Uint8Array));
        const healed = [await stored(kit, large), ...first.slice(1)];
        for (const bytes of more) healed.push(await stored(kit, bytes));
        await turns();
        return healed;
      });
      const names = await sealedNames(world.disk);
      const name = names[index];
      if (name === undefined) return assert(index >= 6, `what healed it is in sealed packs: ${index}`);
      world.disk.flipByte(`/data/packs/${name}`, ((await sizes(world.disk)).get(name) ?? 0) - 30);
      world.kv.remove("/data/catalog");

      await life(world, (kit) => mustHold(kit, done, [large, ...smalls, ...more]));
    }
  });
});

describe("storage: a pack that cannot be read at one start and can at the next", () => {
  /** The commit is durable beyond doubt, so that it counts without its parts. */
  async function unsealed(): Promise<{ readonly world: SealedWorld; readonly done: readonly StoredObject[] }> {
    const world = newWorld();
    const undo = refuseReads(world.disk, (path, ...read) => isScanOf(path)(path, ...read), "ENOMEM");
    const done = await life(world, fillUp);
    undo();
    assert.deepEqual(await sealedNames(world.disk), []);
    return { world, done };
  }

  for (const [what, isRefused] of [
    ["its first record", touching(firstPack, PACK_FRONT_BYTES)],
    ["all of it", (path: string): boolean => path === firstPack],
  ] as const) {
    for (const startCount of [1, 2]) {
      for (const withCatalog of [false, true]) {
        const catalog = withCatalog ? "kept" : "lost";
        it(`serves ${what} again after ${startCount} such starts, catalog ${catalog} (STO-1)`, async () => {
          const { world, done } = await unsealed();
          if (!withCatalog) world.kv.remove("/data/catalog");
          const undo = refuseReads(world.disk, isRefused);
          for (let start = 0; start < startCount; start += 1) {
            await life(world, (kit) => mustHold(kit, done.slice(1), smalls));
          }
          undo();

          await life(world, (kit) => mustHold(kit, done, [large, ...smalls]));
          await life(world, (kit) => mustHold(kit, done, [large, ...smalls]));
        });
      }
    }
  }
});
