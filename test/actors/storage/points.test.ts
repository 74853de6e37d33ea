/**
 * Every point at which storage makes something durable: the process is killed there, by the system, or the call fails there.
 * Whatever was answered holds afterwards, on a real disk, and the second start finds what the first one found (STO-1, STO-21,
 * STO-22, STO-26).
 *
 * `CEPA_POINTS=all` takes every point; otherwise some of each kind.
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { configOf, type Layout, mended } from "#test/actors/storage/points/layout.ts";
import {
  countCalls,
  hasStrace,
  PERSISTING,
  type Persisting,
  runTraced,
  type Told,
} from "#test/actors/storage/points/traced.ts";
import { type RealStorage, startRealStorage } from "#test/actors/storage/real-storage.ts";
import { objectOf } from "#test/actors/storage/seeded-object.ts";
import { whole, within } from "#test/actors/storage/storage-kit.ts";

const isWhole = process.env["CEPA_POINTS"] === "all";
/** From one point to the next, where not all of them are taken. */
const STEPS = { home: 25, volumes: 200 } as const;
const skip = hasStrace() ? false : "there is no strace on this machine";

async function inDirectory<Value>(use: (directory: string) => Promise<Value>): Promise<Value> {
  const directory = await mkdtemp(join(tmpdir(), "cepa-points-"));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Twice: what the first start has made of it is what the second one finds. */
async function check(
  directory: string,
  layout: Layout,
  { held, removed, uncertain }: Told,
  where: string,
): Promise<void> {
  const listings: string[] = [];
  for (const start of ["first", "second"]) {
    const kit = await startRealStorage(directory, { config: configOf(layout, directory) });
    await whole(kit);
    for (const [seed, manifest] of held) {
      const got = await readObject(kit.ref, manifest);
      assert(got instanceof Uint8Array, `${where}, ${start} start: object ${seed}: ${JSON.stringify(got)}`);
      assert(objectOf(seed).equals(got), `${where}: object ${seed} has its bytes`);
    }
    for (const [seed, manifest] of removed) {
      const got = await readObject(kit.ref, manifest);
      assert(!(got instanceof Uint8Array), `${where}, ${start} start: object ${seed} is removed`);
    }
    const listed = await kit.ref.call("listManifests", { after: undefined, limit: 1000 }, within);
    assert(listed.ok && listed.value.done);
    for (const { manifest } of listed.value.entries) {
      const got = await readObject(kit.ref, manifest);
      assert(got instanceof Uint8Array, `${where}: what is listed is whole: ${JSON.stringify(got)}`);
    }
    listings.push(JSON.stringify(listed.value.entries));
    assert(listed.value.entries.length <= held.size + uncertain.size, `${where}: nothing else is listed`);
    if (layout === "volumes") await isMended(kit, where);
    await kit.close();
  }
  assert.equal(listings[0], listings[1], `${where}: a second recovery changes nothing`);
}

async function isMended(kit: RealStorage, where: string): Promise<void> {
  await mended(kit);
  const facts = await kit.ref.call("describeVolumes", {}, within);
  assert(facts.ok);
  const { lostCount, state } = facts.value.repair;
  assert.deepEqual([state, lostCount], ["idle", 0], where);
}

/** The points of one kind that are taken: every one, or some, the first and the last among them. */
function pointsOf(count: number, layout: Layout): readonly number[] {
  const all = Array.from({ length: count }, (_, at) => at + 1);
  return isWhole ? all : all.filter((when) => when === 1 || when === count || when % STEPS[layout] === 0);
}

for (const layout of ["home", "volumes"] as const) {
  describe(`storage: every point of persistence, ${layout}`, { skip }, () => {
    let counts: ReadonlyMap<Persisting, number>;
    before(async () => {
      counts = await inDirectory((directory) => countCalls(directory, "work", layout));
    });

    for (const what of ["signal=KILL", "error=EIO", "error=ENOSPC"] as const) {
      for (const call of PERSISTING) {
        it(`loses nothing that was answered: ${what} at ${call}`, async (context) => {
          const count = counts.get(call) ?? 0;
          const points = pointsOf(count, layout);
          let hits = 0;
          for (const when of points) {
            await inDirectory(async (directory) => {
              const told = await runTraced(directory, { call, when, what }, "work", layout);
              await check(directory, layout, told, `${what} at ${call} ${when}`);
              if (!told.isDone || told.uncertain.size > 0) hits += 1;
            });
          }
          context.diagnostic(`${points.length} of ${count} points, ${hits} of them were felt`);
          assert(points.length > 0, "there were points");
          // A process that is killed is gone. What fails may be tried again, or matter to nobody.
          assert(what !== "signal=KILL" || hits >= points.length / 2, `${hits} of ${points.length}`);
        });
      }
    }

    it("loses nothing where recovery is killed, too", async (context) => {
      let points = 0;
      let hits = 0;
      await inDirectory(async (left) => {
        const killed = await runTraced(left, { call: "fdatasync", when: 17, what: "signal=KILL" }, "work", layout);
        assert(!killed.isDone);
        const ofRecovery = await inDirectory(async (directory) => {
          await cp(left, directory, { recursive: true });
          return await countCalls(directory, "recover", layout);
        });
        for (const [call, count] of ofRecovery) {
          for (const when of pointsOf(count, layout)) {
            await inDirectory(async (directory) => {
              await cp(left, directory, { recursive: true });
              const { isDone } = await runTraced(directory, { call, when, what: "signal=KILL" }, "recover", layout);
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
