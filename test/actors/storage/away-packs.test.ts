/** Packs that are away at a start which cannot know what was in them, and put back: nothing that holds is cut meanwhile (STO-133). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, hour, KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { turns } from "#test/actors/storage/refused-reads.ts";
import { randomBytes, type StorageKit, startStorage, whole } from "#test/actors/storage/storage-kit.ts";

const config = { packSealBytes: 4 * MiB, compactBelowPercent: 80, trashMs: 1 * hour } as const;
const pathOf = (pack: number): string => `/data/packs/0000000${pack}.pack`;

interface World {
  readonly disk: MemoryDisk;
  readonly kv: MemoryKvStores;
}

/** A life that ends as it should. */
async function life<Value>({ disk, kv }: World, work: (kit: StorageKit) => Promise<Value>): Promise<Value> {
  const kit = await startStorage({ config, disk, kv });
  await whole(kit);
  const value = await work(kit);
  await turns();
  await kit.actor.stop();
  return value;
}

const stored = (kit: StorageKit, kib: number, seed: number): Promise<StoredObject> =>
  mustPut(kit, randomBytes(kib * KiB, seed), { chunker: "fixed/1" });

/** The packs of a store of three in which a collection has copied chunks of `large` to the last one. */
async function collected(world: World, before: () => Promise<void> = async () => undefined): Promise<StoredObject> {
  const [garbage, large] = await life(world, async (kit) => [await stored(kit, 3000, 1), await stored(kit, 7500, 2)]);
  await before();
  return await life(world, async (kit) => {
    await remove(kit, garbage);
    await collect(kit, true);
    return large;
  });
}

async function copyOf(kv: MemoryKvStores): Promise<MemoryKvStores> {
  const from = must(await kv.open("/data/catalog", { mapBytesMax: 1 * GiB }), "opened");
  const pairs = from.range(Uint8Array.of(0), Uint8Array.of(255), 1_000_000);
  await from.close();
  const copy = memoryKvStores();
  const to = must(await copy.open("/data/catalog", { mapBytesMax: 1 * GiB }), "opened");
  await to.batch(pairs.map(({ key, value }) => ({ key: Uint8Array.from(key), value: Uint8Array.from(value) })));
  await to.flush();
  await to.close();
  return copy;
}

describe("storage: packs that are away", () => {
  it("leave what a collection has copied where it is, with a catalog that is older than that", async () => {
    const world = { disk: new MemoryDisk({ capacityBytes: 1 * GiB }), kv: memoryKvStores() };
    let older: MemoryKvStores | undefined;
    const { manifest } = await collected(world, async () => {
      older = await copyOf(world.kv);
    });
    assert(older !== undefined);

    await life({ ...world, kv: older }, ({ ref }) => mustRead(ref, manifest, "with the older catalog"));
    await life({ ...world, kv: memoryKvStores() }, ({ ref }) => mustRead(ref, manifest, "with a new one"));
  });

  it("are looked through without a cut when they are back beside a catalog that was made anew", async () => {
    const world = { disk: new MemoryDisk({ capacityBytes: 1 * GiB }), kv: memoryKvStores() };
    const { manifest } = await collected(world);
    const last = must(await world.disk.list("/data/packs"), "listed")
      .map(({ name }) => `/data/packs/${name}`)
      .sort()
      .at(-1);
    assert(last !== undefined);
    must(await world.disk.rename(last, "/data/away"), "away");
    const anew = { ...world, kv: memoryKvStores() };
    await life(anew, async () => undefined);
    must(await world.disk.rename("/data/away", last), "back");

    await life(anew, ({ ref }) => mustRead(ref, manifest, "what a collection had copied"));
  });

  for (const [when, isMadeAnew] of [
    ["a catalog is made anew", true],
    ["a catalog misses them", false],
  ] as const) {
    /** A store without the pack that its last object needs, and what the first start says of a collection. */
    async function wanting() {
      const world = { disk: new MemoryDisk({ capacityBytes: 1 * GiB }), kv: memoryKvStores() };
      await life(world, (kit) => stored(kit, 6000, 1));
      const kept = await copyOf(world.kv);
      // All but its last chunk is there already.
      const bytes = Buffer.concat([randomBytes(6000 * KiB, 1), randomBytes(9, 2)]);
      const { manifest } = await life(world, (kit) => mustPut(kit, bytes, { chunker: "fixed/1" }));
      must(await world.disk.rename(pathOf(1), "/data/away"), "away");
      const without = { ...world, kv: isMadeAnew ? memoryKvStores() : kept };
      const [blocked, later] = await life(without, async (kit) => {
        const before = await collect(kit, false);
        await kit.clock.advance(config.trashMs);
        return [before.blocked, (await collect(kit, false)).blocked];
      });
      return { without, manifest, blocked, later };
    }

    it(`leave a commit that needs them where it is, and collections idle, while ${when}`, async () => {
      const { without, manifest, blocked } = await wanting();

      assert.match(blocked ?? "", /^objects that need what is not there: in \/data\/packs\/0000000\d\.pack; put back/);
      must(await without.disk.rename("/data/away", pathOf(1)), "back");
      await life(without, ({ ref }) => mustRead(ref, manifest, "what was put last"));
    });

    it(`are gone with the second start where ${when}, or after the time in the trash`, async () => {
      const { without, later } = await wanting();
      assert.equal(later, undefined);

      const report = await life(without, (kit) => collect(kit, false));

      assert.equal(report.blocked, undefined);
    });
  }

  it("are none, where what a commit wants was given up with it", async () => {
    const world = { disk: new MemoryDisk({ capacityBytes: 1 * GiB }), kv: memoryKvStores() };
    await life(world, async (kit) => {
      const large = randomBytes(4106 * KiB, 1);
      const first = await mustPut(kit, large, { chunker: "fixed/1" });
      await mustPut(kit, randomBytes(1500 * KiB, 7));
      const second = await mustPut(kit, Buffer.concat([large, randomBytes(9, 2)]), { chunker: "fixed/1" });
      await turns();
      for (const one of [first, second]) await remove(kit, one);
      assert.equal((await collect(kit, true)).packsCompacted, 1);
    });

    const report = await life({ ...world, kv: memoryKvStores() }, (kit) => collect(kit, false));

    assert.equal(report.blocked, undefined);
  });

  it("give an object back that was put again, and lost, since", async () => {
    const world = { disk: new MemoryDisk({ capacityBytes: 1 * GiB }), kv: memoryKvStores() };
    const { manifest } = await life(world, (kit) => stored(kit, 600, 1));
    must(await world.disk.rename(pathOf(1), "/data/away"), "away");
    await life(world, (kit) => stored(kit, 600, 1));
    await world.disk.remove(pathOf(2));
    must(await world.disk.rename("/data/away", pathOf(1)), "back");

    await life(world, ({ ref }) => mustRead(ref, manifest, "what was put first"));
  });
});
