/**
 * The histories of ingest are worth having: they catch each planted bug. A third of them are planted each time; `CEPA_RUNS`, as
 * `./cepa verify` sets it, plants all.
 */
import { describe, it } from "node:test";
import { PLANTS } from "#test/actors/ingest/plants.ts";
import { expectCaught } from "#test/kit/planted.ts";

const STEP = process.env["CEPA_RUNS"] === undefined ? 3 : 1;

describe("plants: ingest", () => {
  for (const plant of PLANTS.filter((_, at) => at % STEP === 0)) it(plant.name, () => expectCaught(plant));
});
