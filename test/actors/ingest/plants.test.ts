/** The histories of ingest are worth having: they catch each planted bug. */
import { describe, it } from "node:test";
import { PLANTS } from "#test/actors/ingest/plants.ts";
import { expectCaught } from "#test/kit/planted.ts";

describe("plants: ingest", () => {
  for (const plant of PLANTS) it(plant.name, () => expectCaught(plant));
});
