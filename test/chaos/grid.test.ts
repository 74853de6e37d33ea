/**
 * The grid of bad networks: it covers what it says, its cells hold in simulation, and one that is unsafe or late does not.
 * Under `CEPA_SEEDS` all of its cells are run; else a third, with each loss, each jitter and each topology in it. Under
 * `CEPA_CHAOS_SECONDS` that third is run on nodes as they run, too.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GRID, type GridCell, gridPlan, gridRow, gridTable, gridVerdict } from "#chaos/grid.ts";
import { notRun, type Outcome } from "#chaos/outcome.ts";
import { plantedBug } from "#chaos/plants.ts";
import { readPlan } from "#chaos/read-plan.ts";
import { RECOVERY_MS_MAX } from "#chaos/recovery.ts";
import { runPlan } from "#chaos/runner.ts";

const isThird = (at: number): boolean => (at + Math.floor(at / 3)) % 3 === 0;
const chosen = GRID.filter((_, at) => process.env["CEPA_SEEDS"] !== undefined || isThird(at));
const cell: GridCell = { lossPercent: 10, jitterMs: 0, topology: "A|B" };

const served = { a: 1, b: 700, c: 2 };
const outcome: Outcome = {
  scenario: "grid",
  executor: "sim",
  seed: 5,
  verdict: "pass",
  faults: {},
  events: 1,
  digest: "",
  checks: { "bytes-are-right": "pass", "ready-again": "pass" },
  tally: {},
  samples: [],
  recovery: { readyMs: 300, servedMs: served },
};

describe("chaos grid", () => {
  it("is loss of 0, 10 and 30 % by jitter of 0 and 1000 ms by none, A|B and A|B|C", () => {
    const told = GRID.map(({ lossPercent, jitterMs, topology }) => `${lossPercent} ${jitterMs} ${topology}`);

    const expected = [0, 10, 30].flatMap((loss) =>
      [0, 1000].flatMap((jitter) => ["none", "A|B", "A|B|C"].map((topology) => `${loss} ${jitter} ${topology}`)),
    );
    assert.deepEqual(told, expected);
    for (const each of ["lossPercent", "jitterMs", "topology"] as const) {
      assert.deepEqual(new Set(chosen.map((one) => one[each])), new Set(GRID.map((one) => one[each])));
    }
  });

  for (const one of GRID) {
    it(`makes a plan that heals all at once (${one.lossPercent} %, ${one.jitterMs} ms, ${one.topology})`, () => {
      const plan = gridPlan(one, 7);

      assert.deepEqual(readPlan(JSON.stringify(plan)), { ok: true, value: plan });
      const healsMs = plan.faults.map((fault) => fault.atMs + ("forMs" in fault ? fault.forMs : 0));
      assert(new Set(healsMs).size <= 1, `${healsMs}`);
      const isCut = one.topology !== "none";
      const isBad = one.lossPercent + one.jitterMs > 0;
      assert.equal(plan.faults.length, Number(isCut) + Number(isBad));
    });
  }

  for (const one of chosen) {
    it(`holds in simulation (${one.lossPercent} %, ${one.jitterMs} ms, ${one.topology})`, async (context) => {
      const row = gridRow(one, await runPlan({ plan: gridPlan(one, 3), executor: "sim" }));

      context.diagnostic(JSON.stringify(row));
      assert.deepEqual([row.verdict, row.isSafe, row.broken], ["pass", true, {}]);
      assert((row.recoveryMs ?? Number.POSITIVE_INFINITY) <= RECOVERY_MS_MAX);
    });
  }

  // Some minutes of waiting.
  for (const executor of process.env["CEPA_CHAOS_SECONDS"] === undefined ? [] : (["process", "os"] as const)) {
    for (const [at, one] of GRID.entries()) {
      if (!isThird(at)) continue;
      it(`holds by ${executor} (${one.lossPercent} %, ${one.jitterMs} ms, ${one.topology})`, async (context) => {
        const row = gridRow(one, await runPlan({ plan: gridPlan(one, 3), executor }));

        context.diagnostic(JSON.stringify(row));
        if (row.verdict === "not-run") return context.skip(row.reason);
        assert.deepEqual([row.verdict, row.isSafe, row.broken], ["pass", true, {}]);
      });
    }
  }

  it("has a cell that is not safe where bytes are wrong", async () => {
    const plant = plantedBug("wrong-range");
    const row = gridRow(cell, await runPlan({ plan: gridPlan(cell, 3), executor: "sim", plant }));

    assert.deepEqual([row.verdict, row.isSafe], ["fail", false]);
    assert.match(row.broken["bytes-are-right"] ?? "", /wrong range/);
  });

  it("has a cell that is late where some are not served in time, or one millisecond too late", () => {
    const checks = { ...outcome.checks, "clients-are-served-again": "clients of b are not served" };
    const unserved = { readyMs: 1, servedMs: { ...served, b: undefined } };
    const never = gridRow(cell, { ...outcome, verdict: "fail", checks, recovery: unserved });
    const rowAt = (b: number) => gridRow(cell, { ...outcome, recovery: { readyMs: 1, servedMs: { ...served, b } } });

    assert.deepEqual([never.verdict, never.isSafe, never.recoveryMs], ["fail", true, undefined]);
    assert.deepEqual([rowAt(RECOVERY_MS_MAX).verdict, rowAt(RECOVERY_MS_MAX).recoveryMs], ["pass", RECOVERY_MS_MAX]);
    assert.deepEqual([rowAt(RECOVERY_MS_MAX + 1).verdict, rowAt(RECOVERY_MS_MAX + 1).recoveryMs], ["fail", undefined]);
  });

  it("has a cell that fails where nobody looked how long it took", () => {
    const { recovery, ...unlooked } = outcome;

    assert.deepEqual([gridRow(cell, unlooked).verdict, recovery?.readyMs], ["fail", 300]);
  });

  it("passes when all of it does, and is not run where a part of it was not", () => {
    const held = gridRow(cell, outcome);
    const failed = { ...held, verdict: "fail" as const };
    const none = gridRow(cell, notRun({ scenario: "grid", executor: "os", seed: 1 }, "no rights"));

    assert.deepEqual([[held], [held, none], [none], [held, none, failed], []].map(gridVerdict), [
      "pass",
      "not-run",
      "not-run",
      "fail",
      "not-run",
    ]);
    assert.deepEqual([none.isSafe, none.reason], [false, "no rights"]);
  });

  it("is shown as a table", () => {
    assert.deepEqual(gridTable([gridRow(cell, outcome)]), [
      "loss  jitter  topology  verdict  safe  ready   a     b       c     recovered",
      "10 %  0 ms    A|B       pass     yes   300 ms  1 ms  700 ms  2 ms  700 ms",
    ]);
  });
});
