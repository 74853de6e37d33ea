/** Walks over all that the catalog has, when the life ends in the middle of them: they end with it, and nothing is concluded from a part. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isGone } from "#actors/storage/catalog/catalog-records.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { settleLost, takeBack } from "#actors/storage/recovery/lost-packs.ts";
import { liftRecords } from "#actors/storage/spread/volume-records.ts";
import { must } from "#runtime/errors.ts";
import { lonePack } from "#test/actors/storage/lone-pack.ts";

const RECORD_COUNT = 3000;

/** A lone pack, in a life that ends with the first page of the `endsIn`th walk, counted from one. */
async function mortalPack() {
  const life = { endsIn: 0, walkCount: 0, pageCount: 0, isOver: false };
  const lone = await lonePack(RECORD_COUNT, () => life.isOver);
  const { catalog } = lone;
  const { pagesIn } = catalog;
  catalog.pagesIn = function* (isMeant) {
    life.walkCount += 1;
    for (const page of pagesIn.call(catalog, isMeant)) {
      if (life.isOver) life.pageCount += 1;
      life.isOver ||= life.walkCount === life.endsIn;
      yield page;
    }
  };
  return { ...lone, life };
}

describe("storage: a walk over the catalog, when the life ends in it (STO-136)", () => {
  it("leaves a pack that is gone to the next life", async () => {
    const { catalog, heldCount, life, lose } = await mortalPack();
    life.endsIn = 1;

    await lose();

    const states = [...catalog.packs.values()];
    assert.deepEqual([life.pageCount, states.map(({ isBack }) => isBack), heldCount()], [0, [true], RECORD_COUNT]);
    life.isOver = false;
    await lose();
    assert([...catalog.packs.values()].every(isGone));
    assert.equal(heldCount(), 0);
  });

  it("has what it marked of one counted again, where that is there by the next life", async () => {
    const { catalog, deps, heldCount, putBack } = await mortalPack();
    let left = 100;
    const [state] = [...catalog.packs.values()];
    assert(state !== undefined);
    await settleLost([{ state, sizeBytes: undefined }], { ...deps, isOver: () => left-- < 0 });
    assert(catalog.totals.damagedCount > 0);
    await putBack();

    must(await takeBack(0, deps), "it is read");

    assert.deepEqual([heldCount(), catalog.totals.damagedCount], [RECORD_COUNT, 0]);
  });

  it("brings back no pack that was given up meanwhile", async () => {
    const { catalog, deps, life } = await mortalPack();
    const pause = {
      ifDue: () => {
        if (life.walkCount === 1) catalog.removePack(1);
        return undefined;
      },
    };
    const [state] = [...catalog.packs.values()];
    assert(state !== undefined);

    await settleLost([{ state, sizeBytes: undefined }], { ...deps, pause });

    assert.equal(catalog.packs.size, 0);
  });

  for (const [endsIn, as] of [
    [2, "gone"],
    [3, "back"],
  ] as const) {
    it(`leaves one that is there again to the next life, as one that is ${as}`, async () => {
      const { catalog, deps, heldCount, life, lose, putBack } = await mortalPack();
      await lose();
      const [gone] = [...catalog.packs.values()];
      assert(gone !== undefined);
      catalog.setPack({ ...gone, isCut: true });
      await putBack();
      life.endsIn = endsIn;

      must(await takeBack(0, deps), "nothing has failed");

      assert.deepEqual([life.pageCount, catalog.packs.get(1)?.isBack], [0, as === "back"]);
      life.isOver = false;
      must(await takeBack(0, deps), "it is read");
      assert.deepEqual([heldCount(), catalog.totals.damagedCount], [0, RECORD_COUNT]);
      assert.deepEqual([catalog.packs.get(1)?.checkpoint, catalog.packs.get(1)?.isCut], [PACK_FRONT_BYTES, true]);
    });
  }

  it("lifts no more of what a volume refused", async () => {
    const { catalog, deps, digests, life } = await mortalPack();
    for (const digest of digests) {
      const [entry] = catalog.records("chunk", digest);
      if (entry !== undefined) catalog.markDamaged(digest, entry, "unreadable");
    }
    const signal = {
      get aborted() {
        return life.isOver;
      },
    };
    life.endsIn = 1;

    await liftRecords(0, { ...deps, signal });

    assert.deepEqual([life.pageCount, catalog.totals.damagedCount], [0, RECORD_COUNT]);
  });
});
