/**
 * The power goes at any call by which storage makes something durable, on a real file system on a disk that keeps only
 * what was synced; then it goes once more between two starts, and while the store recovers. Whatever was answered
 * before holds afterwards (STO-1, STO-21, STO-22, STO-26).
 *
 * `CEPA_POINTS=all` takes every call, `=N` every Nth; otherwise some of those that sync, before which most depends on the sync before.
 */

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { check } from "#test/actors/storage/points/check.ts";
import { inDirectory, type Layout } from "#test/actors/storage/points/layout.ts";
import { type Mode, runWorkload, type Told } from "#test/actors/storage/points/workload.ts";
import { CutDisk, provideCutDisk } from "#test/kit/cut-disk.ts";
import { type FaultedRun, type FaultLine, libraryOfSuite, runFaulted } from "#test/kit/faults.ts";
import type { Surroundings } from "#test/kit/host.ts";
import { countTo, POINTS_STEP, partsOf, pointsOf } from "#test/kit/points.ts";
import { provideCompiler } from "#test/kit/provide.ts";

const skip = (await provideCutDisk()) ?? (await provideCompiler()) ?? false;
/** Of so many syncs one, where not every call is taken. */
const STEPS = { home: 45, volumes: 200 } as const;
/** Tests, where every call is taken. */
const PARTS = { home: 5, volumes: 20 } as const;
const RECOVERY_PARTS = { home: 2, volumes: 5 } as const;
/** Where recovery begins: some objects are held. */
const LEFT_AT = { home: 90, volumes: 320 } as const;

/** A sync of a pack that says that it is done. */
const CARELESS = {
  file: "runtime/real/disk.ts",
  from: "return await attemptVoid(path, (done) => fs.fdatasync(descriptor, done));",
  to: 'return path.endsWith(".pack") ? ok() : await attemptVoid(path, (done) => fs.fdatasync(descriptor, done));',
};

/** Those of a workload that are taken. At 0 it goes when everything is over. */
function cutsOf(calls: readonly FaultLine[], step: number): readonly number[] {
  if (POINTS_STEP !== undefined) return [...pointsOf(countTo(calls.length), POINTS_STEP), 0];
  return [...syncsOf(calls).filter((_, index) => index % step === step - 1), 0];
}

function cutsOfRecovery(calls: readonly FaultLine[]): readonly number[] {
  if (POINTS_STEP !== undefined) return pointsOf(countTo(calls.length), POINTS_STEP);
  const syncs = syncsOf(calls);
  return syncs.slice(syncs.length >> 1).slice(0, 1);
}

function syncsOf(calls: readonly FaultLine[]): readonly number[] {
  return calls.flatMap(({ call }, at) => (/sync/.test(call) ? [at + 1] : []));
}

for (const layout of ["home", "volumes"] as const) {
  describe(`storage: a power cut of a real disk, ${layout}`, { skip }, () => {
    const library = libraryOfSuite();
    let calls: readonly FaultLine[] = [];
    before(async () => {
      calls = await inDirectory((directory) => callsOf(directory, "work"));
    });

    async function runUntil(
      directory: string,
      mode: Mode,
      at: number,
      plant?: Surroundings["plant"],
    ): Promise<FaultedRun<Told>> {
      return await runFaulted(library(), directory, { fault: "kill", at }, (env) =>
        runWorkload({ directory, mode, layout }, { env, plant }),
      );
    }

    async function callsOf(directory: string, mode: Mode): Promise<readonly FaultLine[]> {
      const { told, lines } = await runUntil(directory, mode, 0);
      assert(told.isDone, `an undisturbed run comes to its end: ${told.errors}`);
      return lines;
    }

    /** After a process that worked on the disk, and the disk, ended at call `at`. */
    async function cutAt(disk: CutDisk, mode: Mode, at: number, plant?: Surroundings["plant"]): Promise<Told> {
      await disk.powerOn();
      const { told } = await runUntil(disk.directory, mode, at, plant);
      await disk.cutPower();
      return told;
    }

    for (const part of partsOf(PARTS[layout])) {
      it(`loses nothing that was answered${part.name}`, async (context) => {
        const points = part.of(cutsOf(calls, STEPS[layout]));
        let hits = 0;
        let held = 0;
        for (const at of points) {
          await using disk = await CutDisk.make();
          const told = await cutAt(disk, "work", at);
          if (!told.isDone) hits += 1;
          held += told.held.size;
          await checkCut(disk, layout, told, `the power was cut at ${at}: ${calls[at - 1]?.call}`);
        }
        const said = `${points.length} of ${calls.length + 1} points, ${hits} of them ended it; ${held} objects were held`;
        context.diagnostic(said);
        assert(hits >= points.length * 0.5 && held > points.length, said);
      });
    }

    for (const part of partsOf(RECOVERY_PARTS[layout])) {
      it(`loses nothing where recovery loses its power, too${part.name}`, async (context) => {
        await using left = await CutDisk.make();
        const told = await cutAt(left, "work", LEFT_AT[layout]);
        assert(!told.isDone && told.held.size > 0);
        await using counted = await CutDisk.make({ image: left.image });
        await counted.powerOn();
        const ofRecovery = await callsOf(counted.directory, "recover");
        let hits = 0;
        const points = part.of(cutsOfRecovery(ofRecovery));
        for (const at of points) {
          await using disk = await CutDisk.make({ image: left.image });
          if (!(await cutAt(disk, "recover", at)).isDone) hits += 1;
          await checkCut(disk, layout, told, `recovery lost its power at ${at}: ${ofRecovery[at - 1]?.call}`);
        }
        const said = `${points.length} of ${ofRecovery.length} points of a recovery, ${hits} of them ended it`;
        context.diagnostic(said);
        assert(hits > 0, said);
      });
    }

    it("is seen to lose what was answered where the sync of a pack does nothing", async (context) => {
      await using disk = await CutDisk.make();
      const told = await cutAt(disk, "work", 0, CARELESS);
      assert(told.isDone, told.errors);
      await disk.powerOn();
      const lost = await check(disk.directory, layout, told, "without a sync").then(() => undefined, String);
      context.diagnostic(String(lost));
      assert.match(String(lost), /without a sync, first start: object \d+/);
    });
  });
}

async function checkCut(disk: CutDisk, layout: Layout, told: Told, where: string): Promise<void> {
  await disk.powerOn();
  await check(disk.directory, layout, told, where, async () => {
    await disk.cutPower();
    await disk.powerOn();
  });
}
