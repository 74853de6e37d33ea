/** A volume that goes while a collection is under way, and has lost something when it is back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, hour, KiB, MiB } from "#runtime/units.ts";
import { mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { randomBytes, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const config = {
  writeQuotaBytes: 64 * MiB,
  packSealBytes: 1 * MiB,
  trashMs: 0,
  compactBelowPercent: 100,
  repairDelayMs: 1 * hour,
} as const;

describe("storage: a collection while a volume is looked through anew (STO-117)", () => {
  it("gives nothing up that the volume has commits of", async () => {
    const held = { keeps: Promise.withResolvers<void>(), volume: Promise.withResolvers<void>() };
    let isHeld = false;
    const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async ({ name, path }, begin) => {
      if (isHeld && path.startsWith("/data/keeps") && (name === "write" || name === "sync")) await held.keeps.promise;
      if (isHeld && path.startsWith("/v3/packs") && name === "read") await held.volume.promise;
      return await begin();
    });
    must(await disk.makeDirectory("/pulled"), "a place for it");
    const volumes = { directories: ["/v1", "/v2", "/v3"], erasure: "none" } as const;
    const kit = await startStorage({ disk, volumes, config });
    // What is removed is first, so the first pack of each volume holds nothing that is kept.
    const removed: StoredObject[] = [];
    for (let seed = 1000; seed < 1016; seed += 1) removed.push(await mustPut(kit, randomBytes(300 * KiB, seed)));
    const [first] = must(await disk.list("/v3/packs"), "listed")
      .map(({ name }) => name)
      .sort();
    const kept: StoredObject[] = [];
    for (let seed = 1; seed <= 30; seed += 1) {
      kept.push(await mustPut(kit, randomBytes(300 * KiB, seed)));
      if (seed % 2 === 1) removed.push(await mustPut(kit, randomBytes(300 * KiB, 2000 + seed)));
    }
    await settled(kit);
    for (const one of removed) await remove(kit, one);

    // It is where it buries when the volume goes, and walks while the volume is recovered.
    isHeld = true;
    must(await kit.ref.call("collectGarbage", { emptyTrash: true }, within), "begun");
    await turns(300);
    await pull(kit, "/v3");
    await looked(kit);
    must(await disk.remove(`/pulled/v3/packs/${first}`), "lost");
    await putBack(kit, "/v3");
    await looked(kit);
    held.keeps.resolve();
    await turns(1000);
    const { last } = must(await kit.ref.call("describe", {}, within), "described").collection;
    held.volume.resolve();
    for (let look = 0; look < 4; look += 1) await looked(kit);
    await settled(kit);

    assert.equal(last?.blocked, "a volume has changed");
    for (const { manifest } of kept) await mustRead(kit.ref, manifest, "kept");
  });
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
