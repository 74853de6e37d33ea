/**
 * Every point at which names make something durable, on a real disk: the process is killed there, or the call fails,
 * or writes short, or the power goes. A record that was acknowledged is there afterwards, under it or behind the
 * current one; nothing is there that nobody set, or that was refused; and the second start finds what the first one
 * found (IDX-8).
 *
 * `CEPA_POINTS=all` takes every point, `=N` every Nth; otherwise some.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { OWNERS, openNames } from "#test/actors/index/names/owned-names.ts";
import { CutDisk, provideCutDisk } from "#test/kit/cut-disk.ts";
import { type Fault, type FaultedRun, libraryOfSuite, runFaulted } from "#test/kit/faults.ts";
import { runHost, type Said, type Surroundings } from "#test/kit/host.ts";
import { partsOf, pointsOf } from "#test/kit/points.ts";
import { provideCompiler } from "#test/kit/provide.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const HOST = join(import.meta.dirname, "overwriting-host.ts");
/** From one point to the next, where not all of them are taken. */
const STEP = 12;
const CUT_STEP = 40;

/** A sync of the journal that says that it is done. */
const CARELESS = {
  file: "runtime/journal/journal.ts",
  from: "const synced = await disk.sync(descriptor);",
  to: "const synced = ok();",
};

/** What a process told of the records of one owner. */
interface Told {
  /** By seq. */
  readonly acknowledged: Map<number, string>;
  readonly set: Set<string>;
  readonly refused: Set<string>;
}

function toldOf({ lines }: Said): readonly Told[] {
  const told = OWNERS.map((): Told => ({ acknowledged: new Map(), set: new Set(), refused: new Set() }));
  for (const line of lines) {
    const [what, number, seq, digest = ""] = line.split(" ");
    const of = told[Number(number)];
    if (of === undefined || digest === "") continue;
    if (what === "setting") of.set.add(digest);
    if (what === "set") of.acknowledged.set(Number(seq), digest);
    if (what === "refused") of.refused.add(digest);
    else of.refused.delete(digest);
  }
  return told;
}

async function check(
  directory: string,
  said: Said,
  where: string,
  between = async (): Promise<void> => {},
): Promise<void> {
  const told = toldOf(said);
  const found: string[] = [];
  for (const start of ["first", "second"]) {
    const names = openNames(directory);
    const digests: (readonly string[])[] = [];
    for (const [number, { name }] of OWNERS.entries()) {
      const { acknowledged, set, refused } = told[number] ?? assert.fail();
      const read = await names.read(name);
      assert(
        read.ok || read.failure.code === "index.name-unknown",
        `${where}, ${start} start: ${JSON.stringify(read)}`,
      );
      const history = read.ok ? read.value.history : [];
      assert(!read.ok || read.value.evidence === undefined, `${where}: nobody signed twice`);
      const bySeq = new Map(history.map(({ seq, digest }) => [seq, digest]));
      for (const [seq, digest] of acknowledged) {
        assert.equal(bySeq.get(seq), digest, `${where}, ${start} start: record ${seq} of owner ${number} is there`);
      }
      for (const { seq, digest } of history) {
        assert(set.has(digest), `${where}: record ${seq} of owner ${number} was set`);
        assert(!refused.has(digest), `${where}: record ${seq} of owner ${number} was refused`);
      }
      digests.push(history.map(({ digest }) => digest));
    }
    await names.close();
    found.push(JSON.stringify(digests));
    if (start === "first") await between();
  }
  assert.equal(found[0], found[1], `${where}: the second start finds what the first one found`);
}

const cutSkip = (await provideCutDisk()) ?? false;

describe("names: every point of persistence", {
  skip: (await provideCompiler()) ?? false,
}, () => {
  const library = libraryOfSuite();

  async function run(
    directory: string,
    fault: Fault,
    at: number,
    plant?: Surroundings["plant"],
  ): Promise<FaultedRun<Said>> {
    return await runFaulted(library(), directory, { fault, at }, (env) => runHost(HOST, [directory], { env, plant }));
  }

  const isDone = ({ lines }: Said): boolean => lines.at(-1) === "done";

  async function pointsIn(directory: string, fault: Fault, step: number): Promise<readonly number[]> {
    const { told, lines } = await run(directory, fault, 0);
    assert(isDone(told), `an undisturbed run comes to its end: ${told.errors}`);
    return pointsOf(
      lines.map((_, at) => at + 1),
      step,
    );
  }

  for (const fault of ["kill", "EIO", "ENOSPC", "short", "short-once", "short-full"] as const) {
    it(`keeps what was acknowledged, and nothing else: ${fault}`, async (context) => {
      const points = await pointsIn(join(await tempDirectory(context), "names"), fault, STEP);
      let hits = 0;
      let felt = 0;
      for (const at of points) {
        const directory = join(await tempDirectory(context), "names");
        const { told, lines } = await run(directory, fault, at);
        if (lines.some(({ what }) => what === "fault")) hits += 1;
        assert(isDone(told) === (fault !== "kill"), `${fault} ${at}: ${told.errors}`);
        if (toldOf(told).some(({ set, acknowledged }) => set.size > acknowledged.size)) felt += 1;
        await check(directory, told, `${fault} at ${at}`);
      }
      context.diagnostic(`${points.length} points, ${hits} were reached, ${felt} were felt by an owner`);
      assert(hits >= points.length * 0.9);
    });
  }

  describe("where the power is cut", { skip: cutSkip }, () => {
    for (const part of partsOf(3)) {
      it(`keeps what was acknowledged, and nothing else${part.name}`, async (context) => {
        const directory = join(await tempDirectory(context), "names");
        const points = part.of([...(await pointsIn(directory, "kill", CUT_STEP)), 0]);
        for (const at of points) {
          await using disk = await CutDisk.make();
          await disk.powerOn();
          const { told } = await run(disk.directory, "kill", at);
          await disk.cutPower();
          await disk.powerOn();
          await check(disk.directory, told, `the power was cut at ${at}`, async () => {
            await disk.cutPower();
            await disk.powerOn();
          });
        }
        context.diagnostic(`${points.length} points`);
      });
    }

    it("is seen to lose what was acknowledged where a sync does nothing", async (context) => {
      await using disk = await CutDisk.make();
      await disk.powerOn();
      const { told } = await run(disk.directory, "kill", 0, CARELESS);
      assert(isDone(told), told.errors);
      await disk.cutPower();
      await disk.powerOn();
      const lost = await check(disk.directory, told, "without a sync").then(() => undefined, String);
      context.diagnostic(String(lost));
      assert.match(String(lost), /without a sync, first start: record \d+ of owner \d+ is there/);
    });
  });
});
