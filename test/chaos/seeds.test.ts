/** Seeds that have failed once hold now, and the file that has them is read line by line. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runPlan } from "#chaos/runner.ts";
import { lineOf, readSeeds } from "#chaos/seeds.ts";
import { must } from "#runtime/errors.ts";

const file = readFileSync(join(import.meta.dirname, "..", "..", "chaos", "seeds.txt"), "utf8");

describe("chaos: seeds that have failed once", () => {
  for (const { plan, found } of must(readSeeds(file), "the seeds that are kept")) {
    it(`${plan.scenario} ${plan.seed} passes (${found})`, async () => {
      const { verdict, checks } = await runPlan({ plan, executor: "sim" });

      assert.equal(verdict, "pass", JSON.stringify(checks, undefined, 2));
    });
  }
});

describe("chaos: the file of seeds", () => {
  it("has a run on each line that is no comment", () => {
    const [seed, none] = must(readSeeds("# why\n\neverything-at-once 7 20 an answer was lost\n"), "they are read");

    assert.equal(none, undefined);
    assert.deepEqual(
      [seed?.plan.scenario, seed?.plan.seed, seed?.plan.durationMs, seed?.found],
      ["everything-at-once", 7, 20_000, "an answer was lost"],
    );
    assert(seed !== undefined);
    assert.equal(lineOf(seed.plan, seed.found), "everything-at-once 7 20 an answer was lost");
  });

  for (const [what, line, problem] of [
    ["nothing that was wrong", "everything-at-once 7 20", /^line 2: it has to be a scenario, a seed, seconds/],
    ["a scenario that there is not", "everything 7 20 it hung", /^line 2: there is no simulated scenario everything: /],
    ["one that no simulation plays", "cells-hang 7 20 it hung", /^line 2: there is no simulated scenario cells-hang/],
    ["no seed", "everything-at-once 4294967296 20 it hung", /^line 2: 4294967296 is no seed/],
    ["no time", "everything-at-once 7 0 it hung", /^line 2: a run takes 1 to 604800 s, not 0/],
  ] as const) {
    it(`says of a line with ${what} what is wrong with it`, () => {
      const read = readSeeds(`# why\n${line}\n`);

      assert(!read.ok);
      assert.match(read.failure.problem, problem);
    });
  }
});
