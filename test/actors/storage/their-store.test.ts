/** Which packs are asked whether a catalog is theirs, where some are gone (STO-120). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { encodePackFront } from "#actors/storage/packs/pack-format.ts";
import { FRONTS_ASKED_MAX, isOfTheirStore } from "#actors/storage/recovery/lost-packs.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";

const PACK_COUNT = 1000;
const UNSEALED = new Set([7, 500, 993]);

/** Packs whose marks are those of the catalog, unless `isOther` says so. Counts those that are opened. */
async function store(isOther: (pack: number) => boolean) {
  const catalog = new Catalog(must(await memoryKvStores().open("/catalog", { mapBytesMax: MiB }), "a store opens"));
  const disk = new MemoryDisk();
  must(await disk.makeDirectory("/data/packs"), "made");
  const files = new PackFiles(disk, "/data/packs", 4);
  for (let pack = 1; pack <= PACK_COUNT; pack += 1) {
    const mark = new Uint8Array(8).fill(pack);
    const sealed = !UNSEALED.has(pack);
    catalog.setPack({ pack, mark, checkpoint: 64 * KiB, epoch: 1, recordCount: 9, sealed });
    const front = encodePackFront(pack, isOther(pack) ? new Uint8Array(8).fill(pack + 1) : mark);
    must(await disk.replaceFile(files.pathOf(pack), front), "written");
  }
  const opened = new Set<string>();
  const { open } = disk;
  disk.open = async (path, mode) => {
    opened.add(path);
    return await open.call(disk, path, mode);
  };
  return { opened, isTheirs: () => isOfTheirStore(files, catalog) };
}

describe("storage: whether a catalog is of the packs that are left (STO-120)", () => {
  it("is asked of a few that are sealed, of many", async () => {
    const { isTheirs, opened } = await store(() => false);

    assert.equal(await isTheirs(), true);

    assert(opened.size > FRONTS_ASKED_MAX / 2 && opened.size <= FRONTS_ASKED_MAX + UNSEALED.size, `${opened.size}`);
  });

  it("is denied by packs of another store, and by any one that recovery may write to", async () => {
    for (const isOther of [() => true, (pack: number) => pack === 993]) {
      assert.equal(await (await store(isOther)).isTheirs(), false);
    }
  });
});
