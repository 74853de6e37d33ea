/**
 * One bit turns, or a pack is cut, wherever something begins or ends in it: what is read has its bytes or is refused, and a
 * put heals it (STO-1, STO-4, STO-9).
 *
 * `CEPA_POINTS=all` takes every place, `=N` every Nth; otherwise some of each part.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { PARTS, type Part } from "#test/actors/storage/decay/places.ts";
import { cutAt, flipAt, HOME, type SmallStore, smallStore, survive } from "#test/actors/storage/decay/store-kit.ts";
import { pointsOf } from "#test/kit/points.ts";

/** From one place to the next, where not all of them are taken. Prime, so that every field has its turn. */
const STEP = 7;
/** Where a bit that turns may cost the objects of the record. */
const COSTLY: ReadonlySet<Part> = new Set(["header", "table", "payload"]);

for (const catalog of [true, false]) {
  describe(`storage: damage anywhere in a pack, catalog ${catalog ? "kept" : "lost"}`, () => {
    let store: SmallStore;
    before(async () => {
      store = await smallStore(HOME);
    });

    for (const part of PARTS) {
      if (part === "descriptor") continue;
      it(`gives no wrong byte where a bit turns in ${part}, and costs no other object`, async (context) => {
        const places = store.packs.flatMap((pack) => pack.places.filter((place) => place.part === part));
        const points = pointsOf(places, STEP);
        let refusedCount = 0;
        for (const place of points) {
          const lost = new Set<Digest>(COSTLY.has(part) && place.digest !== undefined ? [place.digest] : []);
          const where = `${place.path} at ${place.position}, ${part}`;
          refusedCount += await survive(store, { damage: [flipAt(place)], lost, catalog }, where);
        }
        context.diagnostic(`${points.length} of ${places.length} places, ${refusedCount} reads were refused`);
        assert(points.length > 0, "there were places");
      });
    }

    it("gives no wrong byte where the file is cut, and costs nothing that lies before", async (context) => {
      const places = store.packs.flatMap(({ cuts, ends, path }) => cuts.map((size) => ({ path, size, ends })));
      const points = pointsOf(places, STEP);
      let refusedCount = 0;
      for (const { path, size, ends } of points) {
        const lost = new Set(ends.filter(({ end }) => end > size).map(({ digest }) => digest));
        const damage = [cutAt(path, size)];
        refusedCount += await survive(store, { damage, lost, catalog }, `${path} cut to ${size}`);
      }
      context.diagnostic(`${points.length} of ${places.length} places, ${refusedCount} reads were refused`);
      assert(refusedCount > 0, "some cut was felt");
    });
  });
}
