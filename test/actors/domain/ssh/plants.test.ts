/** The tests of keys and certificates are worth having: each planted bug is caught by the one that is named for it. */
import { describe, it } from "node:test";
import { PLANTS } from "#test/actors/domain/ssh/plants.ts";
import { expectCaught } from "#test/kit/planted.ts";

describe("plants: ssh", () => {
  for (const plant of PLANTS) {
    it(`${plant.name}: caught by "${plant.check.test}"`, () => expectCaught(plant));
  }
});
