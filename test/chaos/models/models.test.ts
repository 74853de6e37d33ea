/**
 * The models of `specs/models` hold, what is interesting about them is reachable, and mistakes in them are noticed. With
 * `CEPA_RUNS` the larger bounds, too.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { checkModel, readModel } from "#chaos/models/check.ts";
import { loadChecker } from "#chaos/models/checker.ts";
import { readConfigFile } from "#chaos/models/config-file.ts";
import { modelPlans } from "#chaos/models/plans.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { runsOf } from "#test/kit/runs.ts";

const FOLDER = join(import.meta.dirname, "../../../specs/models");
const disk = createRealDisk();
const isLong = runsOf({ usual: 0, slowness: 1 }) > 0;

describe("models: check", () => {
  before(() => loadChecker(disk));

  for (const plan of modelPlans) {
    it(`${plan.module} holds, is reached everywhere, and notices mistakes`, async (test) => {
      const outcomes = [...checkModel(plan, await readModel(disk, FOLDER, plan), isLong)];

      for (const { kind, name, statesExplored } of outcomes)
        test.diagnostic(`${kind}: ${name}, ${statesExplored} states`);
      const complaints = outcomes.flatMap(({ kind, name, complaint }) =>
        complaint === undefined ? [] : [`not so that it ${kind}: ${name}: ${complaint}`],
      );
      assert.deepEqual(complaints, []);
      assert(outcomes.filter(({ kind }) => kind === "is noticed").length >= 2, "of each model two mistakes at least");
    });

    it(`all that is asked of ${plan.module} is what a mistake violates`, async () => {
      const { configs } = await readModel(disk, FOLDER, plan);
      const asked = [...configs.values()].map(readConfigFile);

      const violated = plan.mutants.map(({ violates }) => violates);

      assert.deepEqual(
        [...new Set(asked.flatMap(({ invariants, properties }) => [...invariants, ...properties]))]
          // What values there are is no promise.
          .filter((name) => name !== "Types" && !violated.includes(name)),
        [],
      );
    });

    it(`${plan.module} has one formula with fairness, and that is weak`, async () => {
      const { source } = await readModel(disk, FOLDER, plan);

      // The checker takes the fairness of `Spec` whatever the configuration names, and misses violations under a strong one.
      assert(!/\bSF_/.test(source), "no strong fairness");
      const formulas = [...source.matchAll(/^\w+ ==[^=]*?\[\]\[Next\]_/gm)];
      assert.equal(formulas.length, 1, "one specification");
    });
  }
});
