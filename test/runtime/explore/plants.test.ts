/**
 * The explored programs are worth having: each planted bug is caught by the one that is named for it. A fifth of them are planted
 * each time; `CEPA_RUNS`, as `./cepa verify` sets it, plants all.
 */
import { describe, it } from "node:test";
import { expectCaught } from "#test/kit/planted.ts";
import { PLANTS } from "#test/runtime/explore/plants.ts";

const STEP = process.env["CEPA_RUNS"] === undefined ? 5 : 1;

describe("plants: explored programs", { concurrency: 2 }, () => {
  for (const plant of PLANTS.filter((_, at) => at % STEP === 0)) {
    it(`${plant.name}: caught by "${plant.check.test}"`, () => expectCaught(plant));
  }
});
