/** Holding runs against a model is worth having: it catches each planted bug. They are planted by `./cepa verify`. */
import { describe, it } from "node:test";
import { PLANTS } from "#test/chaos/models/plants.ts";
import { expectCaught } from "#test/kit/planted.ts";
import { runsOf } from "#test/kit/runs.ts";

const skip = runsOf({ usual: 0, slowness: 1 }) > 0 ? false : "planted in ./cepa verify";

describe("plants: models", { skip }, () => {
  for (const plant of PLANTS) it(plant.name, () => expectCaught(plant));
});
