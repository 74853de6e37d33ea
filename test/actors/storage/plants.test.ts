/**
 * The histories of storage are worth having: each planted bug is caught by the one that is named for it. A third of them are
 * planted each time; `CEPA_RUNS`, as `./cepa verify` sets it, plants all.
 */
import { describe, it } from "node:test";
import { PLANTS } from "#test/actors/storage/plants.ts";
import { expectCaught } from "#test/kit/planted.ts";

const STEP = process.env["CEPA_RUNS"] === undefined ? 3 : 1;

describe("plants: storage", () => {
  for (const plant of PLANTS.filter((_, at) => at % STEP === 0)) {
    it(`${plant.name}: caught by "${plant.check.test}"`, () => expectCaught(plant));
  }
});
