/**
 * Every point at which storage makes something durable: the process is killed there, by the system, or the call fails there.
 * Whatever was answered holds afterwards, on a real disk, and the second start finds what the first one found (STO-1, STO-21,
 * STO-22, STO-26).
 *
 * `CEPA_POINTS=all` takes every point, `=N` every Nth; otherwise the process is killed at one of each kind, and beside
 * volumes each kind fails in one of the ways.
 */

import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { before, describe, it } from "node:test";
import { check } from "#test/actors/storage/points/check.ts";
import { inDirectory } from "#test/actors/storage/points/layout.ts";
import { countCalls, PERSISTING, type Persisting, runTraced } from "#test/actors/storage/points/traced.ts";
import { countTo, POINTS_STEP, partsOf, pointsOf } from "#test/kit/points.ts";
import { provideStrace } from "#test/kit/provide.ts";

/** Tests of the points of one kind, where all of them are taken. */
const PARTS = { home: 1, volumes: 4 } as const;
const FAULTS = ["signal=KILL", "error=EIO", "error=ENOSPC"] as const;
const skip = (await provideStrace()) ?? false;

/** Where each test takes its own: one call of a kind, for each fault another. */
function taken(count: number, what: (typeof FAULTS)[number]): readonly number[] {
  if (POINTS_STEP !== undefined) return pointsOf(countTo(count), POINTS_STEP);
  const when = [Math.ceil(count / 2), 1, count][FAULTS.indexOf(what)] ?? count;
  return count === 0 ? [] : [when];
}

/** Those that meet a fault. */
function callsOf(layout: "home" | "volumes", what: (typeof FAULTS)[number]): readonly Persisting[] {
  if (POINTS_STEP !== undefined || what === "signal=KILL") return PERSISTING;
  const way = FAULTS.indexOf(what) - 1;
  return PERSISTING.filter((_, at) => layout === "home" && at % 2 === way);
}

for (const layout of ["home", "volumes"] as const) {
  describe(`storage: every point of persistence, ${layout}`, { skip }, () => {
    let counts: ReadonlyMap<Persisting, number>;
    before(async () => {
      counts = await inDirectory((directory) => countCalls({ directory, mode: "work", layout }));
    });

    for (const what of FAULTS) {
      for (const call of callsOf(layout, what)) {
        for (const part of partsOf(PARTS[layout])) {
          it(`loses nothing that was answered: ${what} at ${call}${part.name}`, async (context) => {
            const count = counts.get(call) ?? 0;
            const points = part.of(taken(count, what));
            let hits = 0;
            for (const when of points) {
              await inDirectory(async (directory) => {
                const told = await runTraced({ directory, mode: "work", layout }, { call, when, what });
                await check(directory, layout, told, `${what} at ${call} ${when}`);
                if (!told.isDone || told.uncertain.size > 0) hits += 1;
              });
            }
            context.diagnostic(`${points.length} of ${count} points, ${hits} of them were felt`);
            assert(count > 0, "there were points");
            // A process that is killed is gone. What fails may be tried again, or matter to nobody.
            const hitsMin = POINTS_STEP !== undefined ? Math.floor(points.length / 2) : points.length / 2;
            assert(what !== "signal=KILL" || hits >= hitsMin, `${hits} of ${points.length}`);
          });
        }
      }
    }

    it("loses nothing where recovery is killed, too", async (context) => {
      let points = 0;
      let hits = 0;
      await inDirectory(async (left) => {
        const killed = await runTraced(
          { directory: left, mode: "work", layout },
          { call: "fdatasync", when: 17, what: "signal=KILL" },
        );
        assert(!killed.isDone);
        const ofRecovery = await inDirectory(async (directory) => {
          await cp(left, directory, { recursive: true });
          return await countCalls({ directory, mode: "recover", layout });
        });
        for (const [call, count] of ofRecovery) {
          for (const when of taken(count, "signal=KILL")) {
            await inDirectory(async (directory) => {
              await cp(left, directory, { recursive: true });
              const { isDone } = await runTraced(
                { directory, mode: "recover", layout },
                { call, when, what: "signal=KILL" },
              );
              await check(directory, layout, killed, `recovery killed at ${call} ${when}`);
              if (!isDone) hits += 1;
            });
            points += 1;
          }
        }
      });
      context.diagnostic(`${points} points of a recovery, ${hits} of them ended it`);
      assert(hits > points / 2, `${hits} of ${points}`);
    });
  });
}
