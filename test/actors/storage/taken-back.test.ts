/** What a start costs with which a pack is back that was gone (STO-126). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
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

/** One sealed pack in a catalog; `gone` loses it, and `putBack` puts a file of that mark in its place. */
async function known() {
  const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 64 * MiB }), "a store opens");
  const catalog = new Catalog(kv);
  const random = seededRandom(1);
  const mark = random.bytes(8);
  catalog.setPack({ pack: 1, mark, checkpoint: PACK_BYTES, epoch: 1, recordCount: RECORD_COUNT, sealed: true });
  const digests = Array.from({ length: RECORD_COUNT }, () => digestFromBytes(random.bytes(32))).sort();
  for (const [at, digest] of digests.entries()) {
    const position = PACK_FRONT_BYTES + RECORD_BYTES * at;
    const where = { pack: 1, position, payloadOffset: 128, payloadBytes: 100 };
    // The first one that is looked at seemed to differ.
    catalog.insert(digest, { kind: "chunk", ...where, sequence: 0, damage: at === 0 ? "differs" : "none" });
  }
  const disk = new MemoryDisk();
  must(await disk.makeDirectory("/data/packs"), "made");
  const deps = {
    catalog,
    cpu: inlineCpu({ disk }),
    files: new PackFiles(disk, "/data/packs", 4),
    isOver: () => false,
    log: silentLog,
    pause: new Pause(new ManualClock(), realScheduler),
  };
  const gone = (): Promise<void> =>
    settleLost(
      [...catalog.packs.values()].map((state) => ({ state, sizeBytes: undefined })),
      deps,
    );
  const putBack = async (): Promise<void> => {
    const file = new Uint8Array(PACK_BYTES);
    file.set(encodePackFront(1, mark));
    must(await disk.replaceFile(firstPack, file), "put back");
  };
  return { catalog, deps, digests, gone, putBack };
}

describe("storage: taking a pack back", () => {
  it("writes the catalog for what has to be read, not for what counts as it was", async () => {
    const { catalog, deps, digests, gone, putBack } = await known();
    await gone();
    await putBack();
    let flushCount = 0;
    const flush = catalog.flush.bind(catalog);
    catalog.flush = async () => {
      flushCount += 1;
      return await flush();
    };

    must(await takeBack(0, deps), "it is read");

    assert.equal(digests.filter((digest) => catalog.holds("chunk", digest)).length, RECORD_COUNT - 1);
    assert(flushCount < 10, `${flushCount} writes of the catalog`);
  });

  it("leaves what somebody finds to differ meanwhile", async () => {
    const { catalog, deps, digests, gone, putBack } = await known();
    await gone();
    await putBack();
    const [entry] = catalog.records("chunk", digests[500] as Digest);
    assert(entry !== undefined);
    // Between two records of the walk that counts what is back.
    const { ifDue } = deps.pause;
    let isFound = false;
    deps.pause.ifDue = () => {
      if (catalog.packs.get(1)?.isBack === true && !isFound) {
        isFound = true;
        catalog.markDamaged(digests[500] as Digest, entry, "differs");
      }
      return ifDue.call(deps.pause);
    };

    must(await takeBack(0, deps), "it is read");

    assert.equal(catalog.at(digests[500] as Digest, entry)?.damage, "differs");
    assert.equal(catalog.totals.damagedCount, 2);
  });
});
