/** The checks of the runtime are worth having: each planted bug is caught by the check that is named for it. */
import { describe, it } from "node:test";
import { expectCaught } from "#test/kit/planted.ts";
import { PLANTS } from "#test/runtime/plants.ts";

describe("plants: the runtime", { concurrency: 2 }, () => {
  for (const plant of PLANTS) {
    it(`${plant.name}: caught by "${plant.check.test}"`, () => expectCaught(plant));
  }
});
