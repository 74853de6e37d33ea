/**
 * At every point at which storage writes what is to last, the system takes only a part of it and says so, as a disk
 * does that is nearly full. Then it takes the rest when it is asked again, or has no room for it, for a moment or for
 * longer. Whatever was answered holds afterwards, with every byte, and the second start finds what the first one found
 * (STO-1, STO-5, STO-8).
 *
 * `CEPA_POINTS=all` takes every point, `=N` every Nth; otherwise one of each kind.
 */

import assert from "node:assert/strict";
import { basename, dirname } from "node:path";
import { before, describe, it } from "node:test";
import { KiB } from "#runtime/units.ts";
import { check } from "#test/actors/storage/points/check.ts";
import { inDirectory, type Layout } from "#test/actors/storage/points/layout.ts";
import { runWorkload, type Told } from "#test/actors/storage/points/workload.ts";
import { type FaultedRun, type FaultLine, libraryOfSuite, runFaulted } from "#test/kit/faults.ts";
import type { Surroundings } from "#test/kit/host.ts";
import { countTo, POINTS_STEP, partsOf, pointsOf } from "#test/kit/points.ts";
import { provideCompiler } from "#test/kit/provide.ts";

const skip = (await provideCompiler()) ?? false;
/** Tests of a fault, where every point is taken. */
const PARTS = { home: 2, volumes: 6 } as const;
const FAULTS = ["short", "short-once", "short-full"] as const;

/** Runs of which the one with the fewest writes is counted: on volumes one may have a sixth more than another. */
const COUNTED = { home: 1, volumes: 3 } as const;

/** For a point that a run did not have. */
const TRIES = 5;

/** A write that believes that everything was taken. Of a rest that libuv gets rid of by itself nobody hears. */
const CARELESS = {
  file: "runtime/real/disk.ts",
  from: "rest = withoutFirst(rest, written.value);",
  to: "rest = [];",
};

/** What is written by the same call in a folder of the same name is of one kind, on whichever volume. */
function kindOf({ call, path }: FaultLine): string {
  return `${call} ${basename(dirname(path)).replace(/^v\d$/, "volume")}`;
}

/** Those that are taken: every one, or of each kind the one in the middle, under one of the faults. */
function writesOf(calls: readonly FaultLine[], fault: (typeof FAULTS)[number]): readonly number[] {
  const all = countTo(calls.length);
  if (POINTS_STEP !== undefined) return pointsOf(all, POINTS_STEP);
  const kinds = Map.groupBy(all, (at) => kindOf(calls[at - 1] ?? assert.fail()));
  const middles = [...kinds.values()].map((points) => points[points.length >> 1] ?? 0);
  return middles.filter((_, index) => FAULTS[index % FAULTS.length] === fault);
}

/** The write that was short, unless there were not so many this time. */
function spoiledOf({ lines }: FaultedRun<unknown>): FaultLine | undefined {
  const line = lines.find(({ what }) => what === "fault");
  assert(line === undefined || (line.takenBytes > 0 && line.takenBytes < line.givenBytes), "it was short");
  return line;
}

/** What became of the rest of it. */
function restOf({ lines }: FaultedRun<unknown>): "went on" | "refused" | "left alone" {
  const next = lines.find(({ what }) => what === "next");
  if (next === undefined) return "left alone";
  return next.takenBytes === 0 ? "refused" : "went on";
}

async function runShort(
  library: string,
  layout: Layout,
  directory: string,
  fault: (typeof FAULTS)[number],
  at: number,
  plant?: Surroundings["plant"],
): Promise<FaultedRun<Told>> {
  const run = await runFaulted(library, directory, { fault, at }, (env) =>
    runWorkload({ directory, mode: "work", layout }, { env, plant }),
  );
  assert(at > 0 || run.told.isDone, `an undisturbed run comes to its end: ${run.told.errors}`);
  return run;
}

for (const layout of ["home", "volumes"] as const) {
  describe(`storage: short writes, ${layout}`, { skip }, () => {
    const library = libraryOfSuite();
    let calls: readonly FaultLine[] = [];
    before(async () => {
      for (let run = 0; run < COUNTED[layout]; run += 1) {
        const { lines } = await inDirectory((directory) => runShort(library(), layout, directory, "short", 0));
        if (run === 0 || lines.length < calls.length) calls = lines;
      }
    });

    const parts = FAULTS.flatMap((fault) => partsOf(PARTS[layout]).map((part) => ({ fault, part })));
    for (const { fault, part } of parts) {
      it(`lose nothing that was answered: ${fault}${part.name}`, async (context) => {
        const points = part.of(writesOf(calls, fault));
        const rests = { "went on": 0, refused: 0, "left alone": 0 };
        let failed = 0;
        for (const at of points) {
          for (let isReached = false, tries = 0; !isReached && tries < TRIES; tries += 1) {
            await inDirectory(async (directory) => {
              const run = await runShort(library(), layout, directory, fault, at);
              const spoiled = spoiledOf(run);
              if (spoiled === undefined) return;
              isReached = true;
              rests[restOf(run)] += 1;
              const where = `${fault} ${at}: ${JSON.stringify(spoiled)}`;
              await check(directory, layout, run.told, where);
              if (!run.told.isDone || run.told.uncertain.size > 0) failed += 1;
            });
          }
        }
        const how = JSON.stringify(rests);
        const said = `${points.length} of ${calls.length} points, ${how}; ${failed} were felt by somebody`;
        context.diagnostic(said);
        const { "went on": wentOn, refused, "left alone": leftAlone } = rests;
        assert(wentOn + refused + leftAlone >= points.length * 0.9, said);
        assert(fault === "short" ? wentOn > 0 && refused === 0 : refused > 0 && wentOn === 0, said);
      });
    }
  });
}

describe("storage: short writes whose rest is forgotten", { skip }, () => {
  const library = libraryOfSuite();
  it("are seen to lose what was answered", async (context) => {
    const fault = "short-once";
    const calls = await inDirectory(
      async (directory) => (await runShort(library(), "home", directory, fault, 0)).lines,
    );
    // A batch, which is answered as it is. An upload asks how long its pack is before its next piece, and fails (STO-132).
    const at = calls.findIndex(({ givenBytes }) => givenBytes > 512 * KiB) + 1;
    assert(at > 0, "there is a large batch");
    await inDirectory(async (directory) => {
      const run = await runShort(library(), "home", directory, fault, at, CARELESS);
      assert(run.told.isDone && spoiledOf(run) !== undefined, run.told.errors);
      const lost = await check(directory, "home", run.told, "forgotten").then(() => undefined, String);
      context.diagnostic(String(lost));
      assert.match(String(lost), /forgotten, first start: object \d+/);
    });
  });
});
