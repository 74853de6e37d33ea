/** Holding runs against a model is worth having: it catches each planted bug. Some of them by default, all in `./cepa verify`. */
import { describe, it } from "node:test";
import { PLANTS } from "#test/chaos/models/plants.ts";
import { expectCaught } from "#test/kit/planted.ts";
import { runsOf } from "#test/kit/runs.ts";

const shown = PLANTS.slice(0, runsOf({ usual: 1, slowness: 1 }));

describe("plants: models", () => {
  for (const plant of shown) it(plant.name, () => expectCaught(plant));
});
