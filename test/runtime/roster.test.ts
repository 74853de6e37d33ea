/** Rosters: a set in the order of arrival, of which nothing is left behind. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Place, Roster } from "#runtime/roster.ts";

describe("roster", () => {
  it("is a list of who came and has not left", () => {
    const step = fc.oneof(
      fc.constant("enter" as const),
      fc.constant("shift" as const),
      fc.constant("pop" as const),
      fc.nat({ max: 20 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const roster = new Roster<{ n: number }>();
        const places: Place<{ n: number }>[] = [];
        let model: { n: number }[] = [];
        for (const what of steps) {
          if (what === "enter") {
            const item = { n: places.length };
            places.push(roster.enter(item));
            model.push(item);
          } else if (what === "shift") {
            assert.equal(roster.shift(), model.shift());
          } else if (what === "pop") {
            assert.equal(roster.pop(), model.pop());
          } else {
            const place = places[what];
            const left = place !== undefined && roster.leave(place);
            assert.equal(
              left,
              model.some(({ n }) => n === what),
            );
            model = model.filter(({ n }) => n !== what);
          }
          assert.deepEqual(roster.items(), model);
          assert(model.every((item) => roster.has(item)) && !roster.has({ n: 0 }));
          assert.equal(roster.size, model.length);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("leaves nothing behind in a place: who holds on to one keeps nobody who came later", () => {
    const roster = new Roster<object>();
    const places = [{}, {}, {}].map((item) => roster.enter(item));

    for (const place of places) roster.leave(place);

    for (const place of places)
      assert.deepEqual({ ...place }, { item: undefined, previous: undefined, next: undefined });
  });
});
