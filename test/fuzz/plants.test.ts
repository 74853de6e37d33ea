/**
 * The corpora are worth having: with the seeds they catch each planted bug, and nothing is left to chance. A few of them are planted each time; `CEPA_RUNS`, as
 * `./cepa verify` sets it, plants all.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FAMILIES } from "#test/fuzz/families.ts";
import { PLANTS } from "#test/fuzz/plants.ts";
import { expectCaught } from "#test/kit/planted.ts";

const STEP = process.env["CEPA_RUNS"] === undefined ? 7 : 1;

describe("plants: readers of bytes", () => {
  for (const plant of PLANTS.filter((_, at) => at % STEP === 0)) it(plant.name, () => expectCaught(plant));

  it("are in every family", () => {
    const planted = new Set(PLANTS.map(({ check }) => check.test.split(": ").at(-1)));

    assert.deepEqual(
      FAMILIES.map(({ name }) => name).filter((name) => !planted.has(name)),
      [],
    );
  });
});
