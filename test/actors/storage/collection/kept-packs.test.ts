/** What a collection does not give up: what a pack holds that it does not find there, and a pack that is not what it was. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { PACKS_LOOK_INTERVAL_MS } from "#actors/storage/packs/pack-watch.ts";
import { must } from "#runtime/errors.ts";
import { KiB, MiB, second } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";

const sealing = { config: { packSealBytes: 1 * MiB } } as const;
const FIRST = "/data/packs/00000001.pack";
/** In the header of the first record, which is that of the first chunk that was put. */
const HEADER_BYTE = PACK_FRONT_BYTES + 50;

describe("storage: a collection of a pack in which a header has turned (STO-25)", () => {
  it("leaves it where the record is live: it is damaged, and its next put heals it", async () => {
    const kit = await startStorage(sealing);
    const bytes = randomBytes(100 * KiB, 1);
    const { manifest } = await mustPut(kit, bytes);
    await remove(kit, await mustPut(kit, randomBytes(900 * KiB, 2)));
    kit.disk.flipByte(FIRST, HEADER_BYTE);

    const { packsCompacted } = await collect(kit, true);

    const { damagedChunkCount } = await described(kit);
    assert.deepEqual([packsCompacted, damagedChunkCount], [0, 1]);
    assert((await kit.disk.open(FIRST, "read")).ok);
    assert(!(await mustPut(kit, bytes)).known);
    // It has grown to its full size, and is sealed before it is compacted.
    const [first, second] = [await collect(kit, true), await collect(kit, true)];
    assert.equal(first.packsCompacted + second.packsCompacted, 1);
    await mustRead(kit.ref, manifest, "healed");
  });

  it("forgets the record with it where that is dead: its next put writes it", async () => {
    const kit = await startStorage(sealing);
    const bytes = randomBytes(900 * KiB, 1);
    await remove(kit, await mustPut(kit, bytes));
    kit.disk.flipByte(FIRST, HEADER_BYTE);

    const { packsCompacted } = await collect(kit, true);

    const { chunkCount } = await described(kit);
    assert.deepEqual([packsCompacted, chunkCount], [1, 0]);
    const { manifest } = await mustPut(kit, bytes);
    await mustRead(kit.ref, manifest, "put again");
  });
});

describe("storage: a collection, and a pack that goes before its turn comes (STO-116)", () => {
  it("leaves the file that is put back meanwhile, and what is in it", async () => {
    const kit = await startStorage({ config: { packSealBytes: 1 * MiB, collectBytesPerSecondMax: 64 * KiB } });
    const away = "/data/packs/00000002.pack";
    const kept = [];
    for (const seed of [1, 2]) {
      kept.push(await mustPut(kit, randomBytes((100 + 100 * seed) * KiB, seed)));
      await remove(kit, await mustPut(kit, randomBytes(900 * KiB, 10 + seed)));
      await turns();
    }
    await mustPut(kit, randomBytes(10 * KiB, 3));
    // The first pack takes a while, for it is copied slowly.
    must(await kit.ref.call("collectGarbage", { emptyTrash: true }, within), "begun");
    await turns();
    must(await kit.disk.rename(away, "/data/elsewhere"), "moved away");
    await kit.clock.advance(PACKS_LOOK_INTERVAL_MS);
    await turns();
    assert.equal((await described(kit)).collection.phase, "compacting");
    must(await kit.disk.rename("/data/elsewhere", away), "put back");
    for (let step = 0; step < 60; step += 1) {
      await kit.clock.advance(1 * second);
      await turns();
    }
    const { last } = (await described(kit)).collection;
    assert.deepEqual([last?.blocked, last?.packsCompacted], [undefined, 1]);
    await kit.actor.stop();

    const next = await startStorage({ disk: kit.disk, kv: kit.kv });

    for (const { manifest } of kept) await mustRead(next.ref, manifest, "kept");
  });
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function described({ ref }: StorageKit) {
  return must(await ref.call("describe", {}, within), "described");
}
