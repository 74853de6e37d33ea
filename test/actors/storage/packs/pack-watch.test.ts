/** What a look at the packs does with many that are gone at once. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { isGone } from "#actors/storage/catalog/catalog-records.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { PackWatch } from "#actors/storage/packs/pack-watch.ts";
import { Pause } from "#actors/storage/pause.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { MiB } from "#runtime/units.ts";
import { silentLog } from "#test/kit/actor.ts";

it("storage: packs that are gone together have the pack in hand given back once, and are all marked (STO-95)", async () => {
  const disk = new MemoryDisk();
  must(await disk.makeDirectory("/packs"), "made");
  const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 1 * MiB }), "a store opens");
  const catalog = new Catalog(kv);
  const inHand = 3;
  for (const pack of [1, 2, inHand, 4]) {
    const checkpoint = PACK_FRONT_BYTES + 100;
    catalog.setPack({ pack, mark: new Uint8Array(8), checkpoint, epoch: 1, recordCount: 1, sealed: pack !== inHand });
  }
  const clock = new ManualClock();
  const steps: string[] = [];
  const watch = new PackWatch({
    slot: 0,
    catalog,
    clock,
    files: new PackFiles(disk, "/packs", 4),
    log: silentLog,
    pause: new Pause(clock, realScheduler),
    pool: {
      lose: async (pack) => {
        steps.push(`lose ${pack}`);
        return pack === inHand && steps.includes("rotate");
      },
    },
    rotate: async () => void steps.push("rotate"),
    isThere: async () => true,
    isOver: () => false,
    onUnlisted: () => assert.fail("they can be listed"),
    onLost: () => undefined,
    onPackTrouble: () => undefined,
    onDefect: (defect) => assert.fail(String(defect)),
  });

  await watch.look();
  await watch.close();

  const all = [1, 2, inHand, 4].map((pack) => `lose ${pack}`);
  assert.deepEqual(steps, [...all, "rotate", ...all]);
  assert([...catalog.packs.values()].every(isGone));
});
