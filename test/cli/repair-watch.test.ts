/** When a watch of the repair is over, and what it says before. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RepairWatch } from "#cli/repair-watch.ts";
import type { RepairLine } from "#cli/volume-facts.ts";
import { MiB } from "#runtime/units.ts";

const idle: RepairLine = {
  state: "idle",
  delayedUntil: "",
  backlogCount: 0,
  backlogBytes: 0,
  atRiskBytes: 0,
  lostCount: 0,
  repairedCount: 0,
  repairedBytes: 0,
  failedCount: 0,
  bytesPerSecond: 0,
  etaMs: undefined,
};
const running: RepairLine = { ...idle, state: "running", backlogCount: 3, backlogBytes: 6 * MiB };
const lost: RepairLine = { ...running, lostCount: 3 };

/** What each look says, as long as it goes on. */
function looks(...facts: readonly RepairLine[]): readonly unknown[] {
  const watch = new RepairWatch(running);
  return facts.map((repair) => watch.look(repair) ?? "goes on");
}

const waiting = ["goes on", "goes on", "goes on"];

describe("cli: watching the repair", () => {
  it("ends when it is idle, and when all that is left is lost", () => {
    assert.deepEqual(looks(idle, idle, idle, idle), [...waiting, "idle"]);
    assert.deepEqual(looks(lost, lost, lost, lost), [...waiting, "lost"]);
  });

  it("ends when all that is left has to wait for volumes", () => {
    const left = { ...running, state: "waiting" };
    assert.deepEqual(looks(left, left, running, left, left, left, left), [
      ...waiting.slice(0, 2),
      ...waiting.slice(0, 1),
      ...waiting,
      "waiting",
    ]);
  });

  it("believes no end that the next looks do not show", () => {
    assert.deepEqual(looks(idle, idle, idle, running, idle), [...waiting, "goes on", "goes on"]);
    assert.deepEqual(looks(lost, lost, lost, idle, lost), [...waiting, "goes on", "goes on"]);
  });

  it("goes on while there is something that can be done, or a volume is waited for", () => {
    for (const facts of [
      running,
      { ...running, lostCount: 2 },
      { ...lost, state: "delayed" },
      { ...running, state: "paused" },
      { ...idle, state: "running" },
    ]) {
      assert.deepEqual(looks(facts, facts, facts, facts, facts), [...waiting, "goes on", "goes on"]);
    }
  });

  it("takes it for lost also where it is paused or idle: going on would not help", () => {
    for (const state of ["paused", "idle"]) {
      const facts = { ...lost, state };
      assert.deepEqual(looks(facts, facts, facts, facts), [...waiting, "lost"]);
    }
  });

  it("shows what was done since the first look, of what there is to do by now", () => {
    const watch = new RepairWatch({ ...running, repairedBytes: 10 * MiB });
    const later = { ...running, repairedBytes: 12 * MiB, bytesPerSecond: 1 * MiB, etaMs: 6000 };

    const half = `${"█".repeat(6)}${"░".repeat(18)}`;
    assert.equal(watch.line(later), `repair ${half} 25% 2.0 MiB of 8.0 MiB 1.0 MiB/s about 6 s left`);
    const paused = { ...later, state: "paused", bytesPerSecond: 0, etaMs: undefined };
    assert.equal(watch.line(paused), `repair paused ${half} 25% 2.0 MiB of 8.0 MiB 0 B/s`);
    // The node started anew.
    assert.match(watch.line({ ...later, repairedBytes: 0 }), / 0% 0 B of 6\.0 MiB /);
  });

  it("says when there is nothing to show yet, and until when a volume is waited for", () => {
    const watch = new RepairWatch(running);

    assert.equal(watch.line({ ...idle, state: "running" }), "repair nothing counted yet");
    assert.equal(watch.line(idle), "repair idle");
    assert.equal(watch.line({ ...running, state: "waiting" }), "repair waits for volumes, 6.0 MiB to do");
    const delayed = { ...running, state: "delayed", delayedUntil: "2026-01-02T00:00:00.000Z" };
    assert.equal(watch.line(delayed), "repair delayed until 2026-01-02T00:00:00.000Z, 6.0 MiB to do");
  });
});
