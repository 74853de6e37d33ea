/** Runs of the real ingest, on a Redis, a table and a disk in memory, are runs of its model, entry by entry. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type IngestSight, ingestRun } from "#chaos/models/ingest-run.ts";
import { type RunModules, refusedLook } from "#chaos/models/run.ts";
import { ingestedRun } from "#test/chaos/models/ingested-run.ts";
import { modulesOf } from "#test/chaos/models/run-kit.ts";
import { runsOf } from "#test/kit/runs.ts";

const COUNT = runsOf({ usual: 1, slowness: 60 });

let modules: RunModules = { model: "", run: "" };
before(async () => {
  modules = await modulesOf("Ingest");
});

describe("models: runs of ingest", () => {
  it("are runs of its model, entry by entry", async (test) => {
    // What is seen of many entries is the same.
    const known = new Set<string>();
    for (let seed = 1; seed <= COUNT; seed += 1) {
      for (const { id, isBad, sights } of await ingestedRun(seed, 30)) {
        const told = JSON.stringify({ isBad, sights });
        if (known.has(told)) continue;
        known.add(told);

        const refused = refusedLook(ingestRun(modules, isBad, sights));

        const shown = refused === undefined ? [] : sights.slice(0, refused + 1);
        assert.deepEqual(shown, [], `seed ${seed}, entry ${id}: the last of these is no consequence of those before`);
      }
    }

    test.diagnostic(`${COUNT} runs, ${known.size} different ways of an entry`);
    const isMet = (pattern: RegExp): boolean => [...known].some((told) => pattern.test(told));
    assert(isMet(/"row","ack"/) && isMet(/"dead","ack"/) && isMet(/"crash"/), [...known].join("\n"));
    if (COUNT < 20) return;
    assert(isMet(/"sights":\["synced","ack"/), "an entry is acknowledged from the disk");
    assert(isMet(/"row","crash"/), "a life ends between a row and its acknowledgement");
  });
});

const MAY: readonly (readonly [name: string, isBad: boolean, sights: readonly IngestSight[]])[] = [
  ["written and acknowledged", false, ["row", "ack", "end"]],
  ["spilled, acknowledged and moved", false, ["synced", "ack", "row", "end"]],
  ["acknowledged twice", false, ["row", "ack", "ack", "end"]],
  ["written by two lives", false, ["row", "crash", "row", "ack", "end"]],
  ["spilled by two lives", false, ["synced", "crash", "synced", "ack", "row", "end"]],
  ["a dead letter", true, ["dead", "ack", "end"]],
];

const MAY_NOT: readonly (readonly [name: string, isBad: boolean, sights: readonly IngestSight[], at: number])[] = [
  ["acknowledged before it is a row", false, ["ack", "row", "end"], 0],
  ["acknowledged by a life that did not see to it", false, ["row", "crash", "ack", "end"], 2],
  ["spilled, acknowledged and never moved", false, ["synced", "ack", "end"], 2],
  ["a row that nobody acknowledges", false, ["row", "end"], 1],
  ["bad, and acknowledged without a dead letter", true, ["ack", "end"], 0],
  ["bad, and written", true, ["row", "ack", "end"], 1],
];

describe("models: the way of an entry", () => {
  for (const [name, isBad, sights] of MAY) {
    it(`may be ${name}`, () => assert.equal(refusedLook(ingestRun(modules, isBad, sights)), undefined));
  }

  for (const [name, isBad, sights, at] of MAY_NOT) {
    it(`may not be ${name}`, () => assert.equal(refusedLook(ingestRun(modules, isBad, sights)), at));
  }
});
