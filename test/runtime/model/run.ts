/**
 * Any commands to the system, and what must hold between them, when it has recovered, and when it has ended.
 *
 * `CEPA_RUNS` says how many runs there are. A failure prints its seed and path; `CEPA_SEED`, `CEPA_PATH` and
 * `CEPA_REPLAY` (the `replayPath` beside the commands) play it again.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { second } from "#runtime/units.ts";
import { drawnAs } from "#test/kit/runs.ts";
import { wrongAfterRecovery, wrongAtTheEnd, wrongWhenQuiet } from "#test/runtime/model/checks.ts";
import { commands } from "#test/runtime/model/commands.ts";
import { Model } from "#test/runtime/model/model.ts";
import { CELLS, CLERK_NAMES, cellOf } from "#test/runtime/model/plan.ts";
import { Sights } from "#test/runtime/model/sights.ts";
import { System } from "#test/runtime/model/system.ts";

/** Enough that every kind of outcome is seen many times. */
const RUNS = 300;

const { CEPA_PATH, CEPA_REPLAY } = process.env;

/** Nothing is wrong with the network any more, every clerk runs, and all have time for what they have begun. */
async function recover(system: System): Promise<void> {
  system.book.failingStarts.clear();
  for (const cell of CELLS) system.heal(cell);
  // What is still on its way may crash one more clerk, and with it a cell.
  await system.pass(2 * second);
  for (const cell of CELLS) if (!system.cell(cell).isUp) system.startCell(cell);
  await system.pass(2 * second);
  for (const clerk of CLERK_NAMES) system.cell(cellOf(clerk)).supervisor.resume(clerk);
  await system.pass(2 * second);
}

/** Stops half of the clerks: the others must hear of it. */
async function takeDown(system: System): Promise<void> {
  for (const clerk of ["beta", "delta"] as const) {
    system.cell(cellOf(clerk)).supervisor.hold(clerk);
    for (const promised of system.book.promised) {
      if (promised.what === `the DOWN of ${clerk}`) promised.dueMs = system.clock.nowMs();
    }
  }
  await system.pass(2 * second);
}

async function end(system: System): Promise<void> {
  const ended = CELLS.map((cell) => system.cell(cell).shutDown());
  await system.pass(3 * second);
  await Promise.all(ended);
  await system.pass(6 * second);
}

/** Answers with how often each outcome was seen. */
export async function check(): Promise<readonly string[]> {
  const script = fc.commands([...commands], {
    maxCommands: 60,
    size: "max",
    ...(CEPA_REPLAY === undefined ? {} : { replayPath: CEPA_REPLAY }),
  });
  const sights = new Sights();
  await fc.assert(
    fc.asyncProperty(fc.nat(), script, async (seed, chosen) => {
      const system = new System(seed);
      await system.start();
      await fc.asyncModelRun(() => ({ model: new Model(), real: system }), chosen);

      await recover(system);
      assert.deepEqual([...wrongWhenQuiet(system), ...wrongAfterRecovery(system)], []);
      await takeDown(system);
      assert.deepEqual(wrongWhenQuiet(system), []);
      await end(system);
      assert.deepEqual(wrongAtTheEnd(system), []);
      sights.add(system);
    }),
    {
      ...drawnAs({ usual: RUNS, slowness: 1 }),
      includeErrorInReport: true,
      ...(CEPA_PATH === undefined ? {} : { path: CEPA_PATH }),
    },
  );
  return sights.lines();
}
