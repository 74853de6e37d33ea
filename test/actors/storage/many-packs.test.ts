/** A store that has had more packs than numbers fit on the stack: it starts, and says how it is. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { Scrubber, type ScrubberDeps } from "#actors/storage/scrub/scrubber.ts";
import { must } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { MiB } from "#runtime/units.ts";
import { mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { directory, randomBytes, startStorage } from "#test/actors/storage/storage-kit.ts";

const PACKS = 130_000;

/** Beside what is in it. */
function addPacks(catalog: Catalog, checkpoint: number): void {
  const mark = new Uint8Array(8);
  for (let pack = 2; pack < PACKS; pack += 1) {
    catalog.setPack({ pack, mark, checkpoint, epoch: 0, recordCount: 0, sealed: true });
  }
}

describe(`storage: ${PACKS} packs`, () => {
  it("are taken up by a start", async () => {
    const kit = await startStorage();
    await mustPut(kit, randomBytes(5000, 1));
    await kit.actor.stop();
    const kv = must(await kit.kv.open(`${directory}/catalog`, { mapBytesMax: 256 * MiB }), "the catalog opens");
    const catalog = new Catalog(kv);
    // Their files are gone.
    addPacks(catalog, PACK_FRONT_BYTES);
    await catalog.flush();
    await kv.close();

    const next = await startStorage({ disk: kit.disk, kv: kit.kv });
    await mustPut(next, randomBytes(5000, 2));
  });

  it("are told of by scrubbing", async () => {
    const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 256 * MiB }), "a store opens");
    const catalog = new Catalog(kv);
    addPacks(catalog, 2 * PACK_FRONT_BYTES);
    const deps = {
      catalog,
      clock: new ManualClock(),
      config: () => ({ collectBytesPerSecondMax: MiB, scrubPeriodMs: 1000 }),
      files: new PackFiles(new MemoryDisk(), "/packs", 4),
      signal: new AbortController().signal,
    } as Partial<ScrubberDeps> as ScrubberDeps;
    assert.equal(new Scrubber(deps).facts.oldestVerifiedAtMs, 0);
  });
});
