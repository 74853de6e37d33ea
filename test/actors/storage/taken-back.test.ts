/** What a start costs with which a pack is back that was gone (STO-126). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { takeBack } from "#actors/storage/recovery/lost-packs.ts";
import { must } from "#runtime/errors.ts";
import { lonePack } from "#test/actors/storage/lone-pack.ts";

const RECORD_COUNT = 1000;

/** The first record seemed to differ when it was looked at. */
async function withOneThatDiffers() {
  const lone = await lonePack(RECORD_COUNT);
  const digest = lone.digests[0] as Digest;
  const [entry] = lone.catalog.records("chunk", digest);
  assert(entry !== undefined);
  lone.catalog.markDamaged(digest, entry, "differs");
  return lone;
}

describe("storage: taking a pack back", () => {
  it("writes the catalog for what has to be read, not for what counts as it was", async () => {
    const { catalog, deps, heldCount, lose, putBack } = await withOneThatDiffers();
    await lose();
    await putBack();
    let flushCount = 0;
    const flush = catalog.flush.bind(catalog);
    catalog.flush = async () => {
      flushCount += 1;
      return await flush();
    };

    must(await takeBack(0, deps), "it is read");

    assert.equal(heldCount(), RECORD_COUNT - 1);
    assert(flushCount < 10, `${flushCount} writes of the catalog`);
  });

  it("leaves what somebody finds to differ meanwhile", async () => {
    const { catalog, deps, digests, lose, putBack } = await withOneThatDiffers();
    await lose();
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
