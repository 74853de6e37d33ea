/** The histories of storage are worth having: each planted bug is caught by the one that is named for it. */
import { describe, it } from "node:test";
import { PLANTS } from "#test/actors/storage/plants.ts";
import { expectCaught } from "#test/kit/planted.ts";

describe("plants: storage", () => {
  for (const plant of PLANTS) {
    it(`${plant.name}: caught by "${plant.check.test}"`, () => expectCaught(plant));
  }
});
