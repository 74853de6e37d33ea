/** A data directory from a backup, over volumes that have gone on since (STO-9). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Cursor } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { turn } from "#test/actors/storage/histories/node.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { looked, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const volumes = { directories: ["/v1", "/v2", "/v3"], erasure: { dataShards: 2, parityShards: 1 } } as const;
const config = { writeQuotaBytes: 64 * MiB, packSealBytes: 1 * MiB } as const;

/** All that was listed by the time at which a list said that it was all. */
async function listed({ ref }: StorageKit): Promise<ReadonlySet<string>> {
  const manifests = new Set<string>();
  let after: Cursor | undefined;
  for (let count = 0; count < 10_000; count += 1) {
    const page = await ref.call("listManifests", { after, limit: 100 }, within);
    if (page.ok) {
      for (const { manifest } of page.value.entries) manifests.add(manifest);
      if (page.value.done) return manifests;
      after = page.value.next;
    }
    await turn();
  }
  return assert.fail("a list ends");
}

async function startAgain(kit: StorageKit, start: () => Promise<StorageKit>): Promise<StorageKit> {
  kit.actor.kill("test");
  await kit.clock.settle();
  const next = await start();
  await whole(next);
  return next;
}

describe("storage: an older catalog over volumes", () => {
  it("says of nothing that it is not there before it has looked at all of them (STO-9)", async () => {
    const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
    const older = memoryKvStores();
    const first = await startStorage({ disk, kv: older, volumes, config });
    await whole(first);
    const removed = await Promise.all([1, 2, 3].map((seed) => mustPut(first, randomBytes(900 * KiB, seed))));
    await settled(first);
    first.actor.kill("test");
    await first.clock.settle();
    const second = await startStorage({ disk, kv: memoryKvStores(), volumes, config });
    await whole(second);
    for (const stored of removed) await remove(second, stored);
    assert((await collect(second, true)).packsCompacted > 0);
    const bytes = randomBytes(900 * KiB, 9);
    const { manifest } = await mustPut(second, bytes);
    await settled(second);
    second.actor.kill("test");
    await second.clock.settle();

    const kit = await startStorage({ disk, kv: older, volumes, config });
    const unknown = await readObject(kit.ref, manifest);
    const all = await listed(kit);

    assert(!(unknown instanceof Uint8Array) && unknown.code === "storage.rebuilding", JSON.stringify(unknown));
    assert(all.has(manifest), "the list that is all has it");
    assert.deepEqual(await readObject(kit.ref, manifest), bytes);
  });

  for (const when of ["beside the others", "with a start"] as const) {
    it(`lists what comes ${when} behind cursors that have passed its numbers, also from sealed packs alone (STO-10)`, async () => {
      const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
      must(await disk.makeDirectory("/pulled"), "a place for what is pulled");
      const alone = { directories: volumes.directories, erasure: "none" } as const;
      const first = await startStorage({ disk, volumes: alone, config });
      const stored: string[] = [];
      for (let seed = 1; seed <= 30; seed += 1)
        stored.push((await mustPut(first, randomBytes(900 * KiB, seed))).manifest);
      first.actor.kill("test");
      await first.clock.settle();
      const packs = must(await disk.list("/v3/packs"), "its packs").map(({ name }) => name);
      must(await disk.remove(`/v3/packs/${packs.sort().at(-1)}`), "the one that is not sealed is left out");
      must(await disk.rename("/v3", "/pulled/v3"), "it is away");
      const kv = memoryKvStores();
      const kit = await startStorage({ disk, kv, volumes: alone, config });
      await whole(kit);
      const late = await mustPut(kit, randomBytes(900 * KiB, 100));
      const before = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
      assert(before.ok && before.value.done && before.value.entries.some(({ manifest }) => manifest === late.manifest));
      const missing = stored.filter((one) => !before.value.entries.some(({ manifest }) => manifest === one));

      must(await disk.rename("/pulled/v3", "/v3"), "it is back");
      const now =
        when === "with a start" ? await startAgain(kit, () => startStorage({ disk, kv, volumes: alone, config })) : kit;
      await looked(now);
      await settled(now);
      const after = await now.ref.call("listManifests", { after: before.value.next, limit: 100 }, within);

      assert(after.ok && after.value.done);
      const all = await now.ref.call("listManifests", { after: undefined, limit: 100 }, within);
      assert(all.ok && all.value.done);
      const comeIn = ({ entries }: typeof all.value): readonly string[] =>
        entries.map(({ manifest }) => manifest).filter((one) => missing.includes(one));
      assert(comeIn(all.value).length > 2, `${comeIn(all.value).length} of ${missing.length}`);
      assert.deepEqual(comeIn(after.value), comeIn(all.value));
    });
  }
});
