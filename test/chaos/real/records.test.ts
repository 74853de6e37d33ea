/** What runs leave behind is found again, whatever else lies there. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { notRun } from "#chaos/outcome.ts";
import { RunRecords } from "#chaos/real/records.ts";
import { planOf } from "#chaos/scenario.ts";
import { scenarioNamed } from "#chaos/scenarios.ts";
import { must } from "#runtime/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "cepa-records-"));
after(() => rmSync(folder, { recursive: true }));

const scenario = scenarioNamed("actors-crash") ?? assert.fail("it is there");
const plan = planOf(scenario, { seed: 7 });
const outcome = notRun({ scenario: plan.scenario, executor: "os", seed: 7 }, "it is a test");

describe("chaos: records of runs", () => {
  it("are found by their seed, and the newest without one", () => {
    const records = new RunRecords(join(folder, "good"));
    must(records.keep({ plan, outcome, plant: "no-fsync" }), "there is room");

    assert.deepEqual(records.newest(7), { plan, outcome, plant: "no-fsync" });
    assert.deepEqual(records.newest(undefined), { plan, outcome, plant: "no-fsync" });
    assert.equal(records.newest(8), undefined);
  });

  it("are found beside files that are none: cut short, empty, folders, links to nothing, other plans", () => {
    const bad = join(folder, "bad");
    const records = new RunRecords(bad);
    must(records.keep({ plan, outcome }), "there is room");
    must(records.keepPlan(plan), "there is room");
    writeFileSync(join(bad, "cut-sim-7.json"), JSON.stringify({ plan, outcome }).slice(0, 100));
    writeFileSync(join(bad, "empty-sim-7.json"), "");
    writeFileSync(join(bad, "null-sim-7.json"), "null");
    writeFileSync(join(bad, "odd-sim-7.json"), JSON.stringify({ plan: { ...plan, durationMs: "x" }, outcome }));
    writeFileSync(join(bad, "by-sim-7.json"), JSON.stringify({ plan, outcome: { ...outcome, executor: "nobody" } }));
    mkdirSync(join(bad, "folder-sim-7.json"));
    symlinkSync(join(bad, "nothing"), join(bad, "link-sim-7.json"));

    assert.deepEqual(records.newest(7), { plan, outcome, plant: undefined });
  });

  it("say why they cannot be kept", () => {
    const kept = new RunRecords("/dev/null/x").keep({ plan, outcome });

    assert(!kept.ok);
    assert.match(kept.failure.problem, /^ENOTDIR/);
  });
});
