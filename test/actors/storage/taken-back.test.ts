/** What a start costs with which a pack is back that was gone (STO-126). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { Catalog } from "#actors/storage/catalog.ts";
import { settleLost, takeBack } from "#actors/storage/lost-packs.ts";
import { PackFiles } from "#actors/storage/pack-files.ts";
import { encodePackFront, PACK_FRONT_BYTES } from "#actors/storage/pack-format.ts";
import { Pause } from "#actors/storage/pause.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { silentLog } from "#test/kit/actor.ts";

const RECORD_COUNT = 1000;
const RECORD_BYTES = 256;
const PACK_BYTES = PACK_FRONT_BYTES + RECORD_BYTES * RECORD_COUNT;

describe("storage: taking a pack back", () => {
  it("writes the catalog for what has to be read, not for what counts as it was", async () => {
    const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 64 * MiB }), "a store opens");
    const catalog = new Catalog(kv);
    const random = seededRandom(1);
    const mark = random.bytes(8);
    catalog.setPack({ pack: 1, mark, checkpoint: PACK_BYTES, epoch: 1, recordCount: RECORD_COUNT, sealed: true });
    // The first one that is looked at seemed to differ.
    const digests = Array.from({ length: RECORD_COUNT }, () => digestFromBytes(random.bytes(32))).sort();
    for (const [at, digest] of digests.entries()) {
      const position = PACK_FRONT_BYTES + RECORD_BYTES * at;
      const where = { pack: 1, position, payloadOffset: 128, payloadBytes: 100 };
      catalog.insert(digest, { kind: "chunk", ...where, sequence: 0, damage: at === 0 ? "differs" : "none" });
    }
    const pause = new Pause(new ManualClock(), realScheduler);
    const lost = [...catalog.packs.values()].map((state) => ({ state, sizeBytes: undefined }));
    await settleLost(lost, { catalog, isOver: () => false, log: silentLog, pause });
    const disk = new MemoryDisk();
    must(await disk.makeDirectory("/data/packs"), "made");
    const file = new Uint8Array(PACK_BYTES);
    file.set(encodePackFront(1, mark));
    must(await disk.replaceFile(firstPack, file), "put back");
    let flushCount = 0;
    const flush = catalog.flush.bind(catalog);
    catalog.flush = async () => {
      flushCount += 1;
      return await flush();
    };
    const files = new PackFiles(disk, "/data/packs", 4);

    must(
      await takeBack(0, { catalog, cpu: inlineCpu({ disk }), files, isOver: () => false, log: silentLog, pause }),
      "it is read",
    );

    assert.equal(digests.filter((digest) => catalog.holds("chunk", digest)).length, RECORD_COUNT - 1);
    assert(flushCount < 10, `${flushCount} writes of the catalog`);
  });
});
