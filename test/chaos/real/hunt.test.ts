/** Hunts: every seed has its run, what fails is kept, and a run that never comes to its end has failed. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { HUNT_FAILED_MAX, huntedPlan } from "#chaos/hunt.ts";
import { hunt } from "#chaos/real/hunt.ts";
import { RunRecords } from "#chaos/real/records.ts";
import { SCENARIOS } from "#chaos/scenarios.ts";

const folder = mkdtempSync(join(tmpdir(), "cepa-hunt-"));
after(() => rmSync(folder, { recursive: true }));
const records = new RunRecords(folder);
const notes: string[] = [];
const note = (line: string): void => void notes.push(line);

/** A module that stands in the place of the one that plays. */
function hunterThat(name: string, does: string): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(
    path,
    `import { parentPort } from "node:worker_threads";\nparentPort.on("message", (plan) => { ${does} });\n`,
  );
  return path;
}

describe("chaos: a hunt", () => {
  it("tries every simulated scenario, and those that mix kinds most often", () => {
    const plans = Array.from({ length: 128 }, (_, seed) => huntedPlan(seed));

    const simulated = SCENARIOS.filter(({ executors }) => executors.includes("sim")).map(({ name }) => name);
    const counts = Map.groupBy(plans, ({ scenario }) => scenario);
    assert.deepEqual([...counts.keys()].sort(), simulated.sort());
    assert.deepEqual([counts.get("everything-at-once")?.length, counts.get("a-few-kinds-at-once")?.length], [32, 32]);
    assert.deepEqual(new Set(plans.map(({ seed }) => seed)).size, plans.length);
  });

  it("runs so many, each under its own seed", async () => {
    const told = await hunt({ first: 4_294_967_295, runs: 2, forMs: 0 }, { records, note });

    const { verdict, runs, failed, events, first } = told;
    assert.deepEqual({ verdict, runs, failed, first }, { verdict: "pass", runs: 2, failed: [], first: 4_294_967_295 });
    assert(events > 1000, `${events} events`);
  });

  it("keeps what a planted bug has failed", async () => {
    notes.length = 0;
    const told = await hunt({ first: 3, runs: 1, forMs: 0, plant: "wrong-range" }, { records, note });

    assert.deepEqual([told.verdict, told.failed.length], ["fail", 1]);
    const { scenario, seed, broken } = told.failed[0] ?? assert.fail();
    assert.match(broken, /^bytes-are-right: wrong /);
    assert.equal(scenario, huntedPlan(3).scenario);
    // It is no bug of the node, and its seed none to keep.
    assert.deepEqual(notes, [`wrong-range was seen: ${broken}`]);
    assert.deepEqual(records.newest(seed)?.plan, huntedPlan(seed));
    assert.equal(records.newest(seed)?.plant, "wrong-range");
  });

  it("ends when enough has failed to look at", async () => {
    const hunter = hunterThat("ends", "process.exit()");

    const { runs, failed, threads } = await hunt({ first: 1, runs: 1000, forMs: 0 }, { records, note, hunter });

    assert(failed.length >= HUNT_FAILED_MAX && runs < HUNT_FAILED_MAX + threads, `${failed.length} of ${runs}`);
  });

  it("runs another one for each in which a fault did nothing, and fails where that is usual", async () => {
    const outcome = (invalid: string): string =>
      `parentPort.postMessage({ verdict: ${invalid} ? "fail" : "pass", faults: {}, events: 1, checks: { "bytes-are-right": "pass", "faults-took-effect": ${invalid} ? "without effect" : "pass" } })`;
    const rare = hunterThat("rare", outcome("plan.seed === 30"));
    const usual = hunterThat("usual", outcome("plan.seed % 40 === 3"));

    const told = await hunt({ first: 1, runs: 60, forMs: 0 }, { records, note, hunter: rare });
    const bad = await hunt({ first: 1, runs: 60, forMs: 0 }, { records, note, hunter: usual });

    assert.deepEqual([told.verdict, told.runs, told.invalid, told.failed], ["pass", 61, 1, []]);
    assert.deepEqual([bad.verdict, bad.runs, bad.invalid, bad.failed], ["fail", 62, 2, []]);
  });

  it("takes a run that hangs, and one whose thread ends, for failed", async () => {
    notes.length = 0;
    const dies = await hunt(
      { first: 1, runs: 2, forMs: 0 },
      { records, note, hunter: hunterThat("dies", "process.exit(7)") },
    );
    const hangs = await hunt(
      { first: 1, runs: 2, forMs: 0 },
      { records, note, hunter: hunterThat("hangs", ""), runMsMax: 50 },
    );

    assert.deepEqual(
      [...dies.failed, ...hangs.failed].map(({ broken }) => broken),
      [...Array(2).fill("its thread ended with 7"), ...Array(2).fill("it hung for 0.05 s")],
    );
    assert.deepEqual([dies.verdict, hangs.verdict], ["fail", "fail"]);
    assert(
      notes.includes(`failed, for chaos/seeds.txt: ${huntedPlan(1).scenario} 1 20 its thread ended with 7`),
      `${notes}`,
    );
  });
});
