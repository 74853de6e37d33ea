/** Runs of the real watcher, at random and in many orders, are runs of its model; and runs that it may not have are none. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { actionsIn } from "#chaos/models/actions.ts";
import { followRun, type RunModules } from "#chaos/models/run.ts";
import { type WatcherLook, watcherRun } from "#chaos/models/watcher-run.ts";
import { configDebounceMs } from "#runtime/config/watcher.ts";
import { Coverage } from "#test/chaos/models/coverage.ts";
import { modulesOf, mustBeTaken, type RunBug } from "#test/chaos/models/run-kit.ts";
import { exploreWatcher, randomWatcherRun, type WatcherSchedule } from "#test/chaos/models/watcher-schedules.ts";
import { runsOf } from "#test/kit/runs.ts";

const COUNT = runsOf({ usual: 8, slowness: 30 });
const STEPS = 60;
const PREEMPTIONS = runsOf({ usual: 0, slowness: 3000 });

let modules: RunModules = { model: "", run: "" };
before(async () => {
  modules = await modulesOf("ConfigWatcher");
});

/** What the model did, action by action. */
function follow({ looks, ...of }: WatcherSchedule, which: string): readonly string[] {
  const { refused, actions } = followRun(watcherRun(modules, of, looks));

  mustBeTaken(looks, refused, which);
  return actions;
}

describe("models: runs of the watcher", () => {
  it("are runs of its model, by seed", async (test) => {
    const coverage = new Coverage(actionsIn(modules.model));
    const looks: WatcherLook[] = [];
    for (let seed = 1; seed <= COUNT; seed += 1) {
      const run = await randomWatcherRun(seed, STEPS);
      coverage.add(follow(run, `seed ${seed}`));
      looks.push(...run.looks);
    }

    const kinds = new Set(looks.map(({ kind }) => kind));
    test.diagnostic(`${COUNT} runs, ${looks.length} looks; ${coverage.told()}`);
    assert.deepEqual(coverage.missing, []);
    assert.deepEqual([...kinds].sort(), ["accepted", "kept", "none", "unchanged"]);
    const isPutOff = looks.some(({ isTold, atMs, dueInMs = configDebounceMs }, at) => {
      const before = looks[at - 1];
      return before?.isTold === true && !isTold && atMs + dueInMs < before.atMs + configDebounceMs;
    });
    assert(isPutOff, "a busy file is read all the same");
  });

  it("are runs of its model, in every order of a few things within a few preemptions", async (test) => {
    const coverage = new Coverage(actionsIn(modules.model));
    // What is seen in many orders is the same.
    const known = new Map<string, WatcherSchedule>();
    const { runs } = await exploreWatcher(PREEMPTIONS, (run) => void known.set(JSON.stringify(run.looks), run));
    for (const run of known.values()) coverage.add(follow(run, "in one of these orders"));

    test.diagnostic(`${runs} interleavings, ${known.size} different runs; ${coverage.told()}`);
    assert.deepEqual(coverage.missing, []);
  });
});

const FIRST: WatcherLook = {
  atMs: 0,
  file: 0,
  isTold: false,
  dueInMs: undefined,
  step: "idle",
  seen: 0,
  inForce: 0,
  isRefusing: true,
  isClosed: false,
  asks: 0,
  reports: 0,
  kind: "none",
};

type Seen = Partial<WatcherLook>;

/** What changes from look to look. The second change is refused. */
function looksOf(seen: readonly Seen[]): readonly WatcherLook[] {
  let now = FIRST;
  const looks = seen.map((change) => {
    now = { ...now, ...change };
    return now;
  });
  return [FIRST, ...looks];
}

const CHANGED: readonly Seen[] = [{ file: 1, isTold: true }];
const NOTIFIED: readonly Seen[] = [...CHANGED, { isTold: false, dueInMs: 200 }];
const READING: readonly Seen[] = [...NOTIFIED, { atMs: 200, dueInMs: 0 }, { dueInMs: undefined, step: "reading" }];
const OFFERED: readonly Seen[] = [...READING, { step: "read", seen: 1 }, { step: "offering" }];
const AGAIN: readonly Seen[] = [
  ...OFFERED,
  { file: 2, isTold: true },
  { isTold: false, dueInMs: 200 },
  { atMs: 400, dueInMs: 0 },
];
const ACCEPTED: Seen = { step: "idle", inForce: 1, reports: 1, kind: "accepted" };
const REFUSING: readonly Seen[] = [
  ...AGAIN,
  { dueInMs: undefined },
  { ...ACCEPTED, step: "reading" },
  { step: "read", seen: 2 },
  { step: "offering" },
];

const BUGS: readonly RunBug<Seen>[] = [
  {
    name: "a notification is lost",
    after: CHANGED,
    may: { isTold: false, dueInMs: 200 },
    not: { isTold: false },
  },
  {
    name: "the file is read before it is quiet",
    after: NOTIFIED,
    may: { asks: 1, dueInMs: undefined, step: "reading" },
    not: { dueInMs: undefined, step: "reading" },
  },
  {
    name: "what is offered is not what was read",
    after: [...READING, { step: "read", seen: 1 }],
    may: { step: "offering" },
    not: { step: "offering", seen: 0 },
  },
  {
    name: "what was read is dropped, and nobody is told",
    after: [...READING, { step: "read", seen: 1 }],
    may: { step: "offering" },
    not: { step: "idle" },
  },
  {
    name: "what was accepted is not reported",
    after: OFFERED,
    may: ACCEPTED,
    not: { ...ACCEPTED, reports: 0, kind: "none" },
  },
  {
    name: "what was asked for during an offer is forgotten",
    after: [...AGAIN, { dueInMs: undefined }],
    may: { ...ACCEPTED, step: "reading" },
    not: ACCEPTED,
  },
  {
    name: "a second reading begins beside the first",
    after: AGAIN,
    may: { dueInMs: undefined },
    not: { dueInMs: undefined, step: "more" },
  },
  {
    name: "what was refused is in force",
    after: REFUSING,
    may: { step: "idle", reports: 2, kind: "kept" },
    not: { step: "idle", reports: 2, kind: "accepted", inForce: 2 },
  },
  {
    name: "what is in force goes back",
    after: REFUSING,
    may: { step: "idle", reports: 2, kind: "kept" },
    not: { step: "idle", reports: 2, kind: "kept", inForce: 0 },
  },
  {
    name: "something is reported after the end",
    after: [...OFFERED, { isClosed: true }],
    may: { step: "idle", inForce: 1 },
    not: ACCEPTED,
  },
  {
    name: "a timer is left after the end",
    after: NOTIFIED,
    may: { isClosed: true, dueInMs: undefined },
    not: { isClosed: true },
  },
];

describe("models: a run that the watcher may not have", () => {
  for (const { name, after, may, not } of BUGS) {
    it(`is refused where ${name}`, () => {
      const refusedOf = (last: Seen): number | undefined =>
        followRun(watcherRun(modules, { refused: [2], unreadable: [] }, looksOf([...after, last]))).refused;

      assert.equal(refusedOf(may), undefined);
      assert.equal(refusedOf(not), after.length + 1);
    });
  }
});
