/** A collection over many packs whose files are gone: what it costs, and how it ends. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { watchedStores } from "#test/actors/storage/altered-stores.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { directory, randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";

const sealing = { config: { packSealBytes: 1 * MiB, writeQuotaBytes: 64 * MiB } } as const;

/** A store that has lost some packs, and in which nothing that they held is needed any more. */
async function afterLoss(count: number, onPage: (isFirst: boolean) => void): Promise<StorageKit> {
  const disk = new MemoryDisk();
  const kv = memoryKvStores({ disk });
  const kit = await startStorage({ ...sealing, disk, kv });
  // So many that the catalog has several pages of them.
  for (let from = 0; from < 2100; from += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, at) => mustPut(kit, randomBytes(100, from + at))));
  }
  const gone: string[] = [];
  const before = await packsOf(kit);
  for (let seed = 0; gone.length < count; seed += 1) {
    const stored = await mustPut(kit, randomBytes(1100 * KiB, 5000 + seed));
    await remove(kit, stored);
    const [pack] = (await packsOf(kit)).filter((name) => !before.includes(name) && !gone.includes(name));
    if (pack !== undefined) gone.push(pack);
  }
  await mustPut(kit, randomBytes(1000, 6000));
  await kit.actor.stop();
  for (const name of gone) await disk.remove(`${directory}/packs/${name}`);
  return await startStorage({ ...sealing, disk, kv: watchedStores(kv, onPage, "chunk") });
}

async function packsOf({ disk }: StorageKit): Promise<readonly string[]> {
  const listed = must(await disk.list(`${directory}/packs`), "the packs can be listed");
  return listed.map(({ name }) => name);
}

async function packCount({ ref }: StorageKit): Promise<number> {
  return must(await ref.call("describe", {}, within), "described").packCount;
}

describe("collection: packs that are gone", () => {
  it("are looked for in the catalog together (STO-122)", async () => {
    let walkCount = 0;
    const kit = await afterLoss(4, (isFirst) => {
      walkCount += isFirst ? 1 : 0;
    });
    const before = await packCount(kit);
    walkCount = 0;

    await collect(kit, true);

    assert.equal(walkCount, 1);
    assert((await packCount(kit)) <= before - 4);
  });

  it("are looked for no further when the life is over (STO-122)", async () => {
    let pageCount = 0;
    let isCollecting = false;
    const kit = await afterLoss(4, () => {
      pageCount += 1;
      if (isCollecting) kit.actor.kill("killed by the test");
    });
    pageCount = 0;
    isCollecting = true;

    assert((await kit.ref.call("collectGarbage", { emptyTrash: true }, within)).ok);
    for (let turn = 0; turn < 500; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));

    assert.equal(pageCount, 1);
  });
});
