/** A volume that is back with less, of which the catalog has only a half when the life ends. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { watchedStores } from "#test/actors/storage/altered-stores.ts";
import { collect, mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { refuseReads } from "#test/actors/storage/refused-reads.ts";
import { randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { facts, looked } from "#test/actors/storage/volumes/spread-kit.ts";

const config = { writeQuotaBytes: 64 * MiB, packSealBytes: 1 * MiB } as const;
const volumes = { directories: ["/v1"], erasure: "none" } as const;
const objects = Array.from({ length: 20 }, (_, seed) => randomBytes(300 * KiB, seed));

const ends: Readonly<Record<string, (kit: StorageKit) => unknown>> = {
  stopped: (kit) => kit.actor.stop(),
  killed: (kit) => kit.actor.kill("by the test"),
};

/** Several packs; the first of them is away, and no node is there. */
async function startWithout() {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  const kv = memoryKvStores();
  const kit = await startStorage({ disk, kv, volumes, config });
  const stored: StoredObject[] = [];
  for (const bytes of objects) stored.push(await mustPut(kit, bytes));
  await looked(kit);
  await kit.actor.stop();
  const names = must(await disk.list("/v1/packs"), "listed").map(({ name }) => `/v1/packs/${name}`);
  const [first = "", ...others] = names.sort();
  must(await disk.rename(first, "/v1/away"), "it is away");
  const nextLife = (stores: KvStores = kv, ...directories: string[]) =>
    startStorage({
      disk,
      kv: stores,
      volumes: directories.length === 0 ? volumes : { ...volumes, directories },
      config,
    });
  return { disk, kv, stored, others, nextLife, putBack: () => disk.rename("/v1/away", first) };
}

async function settled(kit: StorageKit): Promise<void> {
  for (let look = 0; look < 3; look += 1) await looked(kit);
}

describe("storage: a volume of which the catalog has a half", () => {
  for (const [how, end] of Object.entries(ends)) {
    it(`is looked through anew when all of it is back: the life was ${how} while it was dropped (STO-129)`, async () => {
      const { kv, nextLife, putBack, stored } = await startWithout();
      let walkCount = 0;
      const dropping = await nextLife(
        watchedStores(
          kv,
          (isFirst) => {
            if (!isFirst) return;
            walkCount += 1;
            void end(dropping);
          },
          "chunk",
        ),
      );
      await settled(dropping);
      assert.equal(walkCount, 1);
      must(await putBack(), "it is back");

      const kit = await nextLife();
      await settled(kit);

      for (const { manifest } of stored) await mustRead(kit.ref, manifest, "it was only away");
      assert.equal((await collect(kit, true)).packsCompacted, 0);
    });
  }

  it("has nothing relied upon that a recovery has found which its disk has failed, and that is away since (STO-129)", async () => {
    const { disk, nextLife, others } = await startWithout();
    const mend = refuseReads(disk, (path) => path === others.at(-1), "ENOMEM");
    const failing = await nextLife();
    await settled(failing);
    await failing.actor.stop();
    mend();
    must(await disk.remove(others[0] ?? ""), "another one is away");

    const kit = await nextLife();
    await settled(kit);

    for (const bytes of objects) await mustRead(kit.ref, (await mustPut(kit, bytes)).manifest, "it was put again");
  });

  it("is not given up without a word, where it is left out by then (STO-89)", async () => {
    const { kv, nextLife } = await startWithout();
    // The life ends while manifests are dropped: of what is there no commit is known then, and every pack.
    const ending = watchedStores(kv, () => void dropping.actor.stop(), "manifest");
    const dropping = await nextLife(ending, "/v1", "/v2");
    await settled(dropping);
    const kit = await nextLife(kv, "/v2");
    await whole(kit);
    const { volumes: views } = await facts(kit);
    const volume = views.find(({ state }) => state === "left-out")?.id ?? "";

    const refused = await kit.ref.call("forgetVolume", { volume, mayLose: false }, within);

    assert(!refused.ok && refused.failure.code === "storage.volume-needed", JSON.stringify(refused));
  });
});
