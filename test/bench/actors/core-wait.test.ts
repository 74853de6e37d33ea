/** What the system says of how long a process waited for a core. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readCoreTimes, waitedMs } from "#bench/actors/core-wait.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

function times(entries: Readonly<Record<string, readonly [ranMs: number, waitedMs: number]>>) {
  return new Map(
    Object.entries(entries).map(([thread, [ran, waited]]) => [thread, { ranNs: ran * 1e6, waitedNs: waited * 1e6 }]),
  );
}

describe("bench: waiting for a core", () => {
  it("is that of the thread which ran most meanwhile, not before", () => {
    const before = times({ main: [1000, 50], helper: [0, 0] });

    assert.equal(waitedMs(before, times({ main: [1001, 90], helper: [300, 20] })), 20);
    assert.equal(waitedMs(before, times({ main: [1200, 90], helper: [30, 900] })), 40);
    assert.equal(waitedMs(new Map(), times({ late: [1, 3] })), 3);
  });

  it("is read for every thread, and nothing where the system does not say", async (context) => {
    const proc = await tempDirectory(context);
    for (const [thread, line] of [
      ["7", "2000000 500000 12\n"],
      ["8", "0 0 0\n"],
    ] as const) {
      mkdirSync(join(proc, "7", "task", thread), { recursive: true });
      writeFileSync(join(proc, "7", "task", thread, "schedstat"), line);
    }

    assert.deepEqual(readCoreTimes(7, proc), times({ 7: [2, 0.5], 8: [0, 0] }));
    assert.equal(waitedMs(readCoreTimes(6, proc), readCoreTimes(6, proc)), 0);
  });
});
