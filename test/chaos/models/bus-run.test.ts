/** Runs of the real bus, at random and in every order of a few calls, are runs of its model; and runs that it may not have are none. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { actionsIn } from "#chaos/models/actions.ts";
import { type BusLook, busRun, type SeenSubscriber } from "#chaos/models/bus-run.ts";
import { followRun, type RunModules } from "#chaos/models/run.ts";
import { type BusSchedule, exploreBus, randomBusRun } from "#test/chaos/models/bus-schedules.ts";
import { Coverage } from "#test/chaos/models/coverage.ts";
import { modulesOf, mustBeTaken, type RunBug } from "#test/chaos/models/run-kit.ts";
import { runsOf } from "#test/kit/runs.ts";

const COUNT = runsOf({ usual: 8, slowness: 30 });
const STEPS = 30;
const PREEMPTIONS = runsOf({ usual: 0, slowness: 3000 });

let modules: RunModules = { model: "", run: "" };
before(async () => {
  modules = await modulesOf("Bus");
});

/** What the model did, action by action. */
function follow({ capacity, looks }: BusSchedule, which: string): readonly string[] {
  const run = busRun(modules, capacity, looks);
  const { refused, actions } = followRun(run);

  mustBeTaken(looks, refused, which);
  return actions;
}

describe("models: runs of the bus", () => {
  it("are runs of its model, by seed", async (test) => {
    const coverage = new Coverage(actionsIn(modules.model));
    let lookCount = 0;
    let lostCount = 0;
    for (let seed = 1; seed <= COUNT; seed += 1) {
      const run = await randomBusRun(seed, STEPS);
      coverage.add(follow(run, `seed ${seed}`));
      lookCount += run.looks.length;
      lostCount += run.looks.at(-1)?.learned ?? 0;
    }

    test.diagnostic(`${COUNT} runs, ${lookCount} looks, ${lostCount} events lost and told; ${coverage.told()}`);
    assert.deepEqual(coverage.missing, []);
    assert(lostCount > 0, "events are lost");
  });

  it("are runs of its model, in every order of a few calls within a few preemptions", async (test) => {
    const coverage = new Coverage(actionsIn(modules.model));
    // What is seen in many orders is the same.
    const known = new Map<string, BusSchedule>();
    const { runs } = await exploreBus(PREEMPTIONS, (run) => void known.set(JSON.stringify(run.looks), run));
    for (const run of known.values()) coverage.add(follow(run, "in one of these orders"));

    test.diagnostic(`${runs} interleavings, ${known.size} different runs; ${coverage.told()}`);
    assert.deepEqual(coverage.missing, []);
  });
});

interface Seen extends Partial<Omit<SeenSubscriber, "name">> {
  readonly published?: number;
  readonly dropped?: number;
  readonly learned?: number;
}

/** One subscriber of a bus that keeps one event, and what changes from look to look. */
function looksOf(seen: readonly Seen[]): readonly BusLook[] {
  let now = { published: 0, dropped: 0, learned: 0 };
  let one: SeenSubscriber = {
    name: "one",
    place: "reading",
    cursor: 0,
    first: 0,
    heard: 0,
    heardCount: 0,
    lagged: 0,
  };
  const away: BusLook = { rests: true, ...now, subscribers: [{ ...one, place: "away" }] };
  const looks = seen.map(({ published, dropped, learned, ...of }): BusLook => {
    now = { published: published ?? now.published, dropped: dropped ?? now.dropped, learned: learned ?? now.learned };
    one = { ...one, ...of };
    return { rests: true, ...now, subscribers: [one] };
  });
  return [away, ...looks];
}

const HEARD: Seen = { cursor: 1, heard: 1, heardCount: 1 };
const BEHIND: readonly Seen[] = [{}, { published: 1 }, { published: 2, dropped: 1 }];
const LEARNED: Seen = { cursor: 2, heard: 2, heardCount: 1, lagged: 1, learned: 1 };
const WAITING: readonly Seen[] = [{}, { place: "waiting" }];

const BUGS: readonly RunBug<Seen>[] = [
  {
    name: "an event that nobody read is overwritten, and is not counted",
    after: BEHIND.slice(0, 2),
    may: { published: 2, dropped: 1 },
    not: { published: 2 },
  },
  {
    name: "the newest is dropped, and not the oldest",
    after: BEHIND,
    may: LEARNED,
    not: { ...LEARNED, heard: 1 },
  },
  {
    name: "what was missed is not told",
    after: BEHIND,
    may: LEARNED,
    not: { ...LEARNED, lagged: 0 },
  },
  {
    name: "what was missed is told, and not counted",
    after: BEHIND,
    may: LEARNED,
    not: { ...LEARNED, learned: 0 },
  },
  {
    name: "who waits is not woken",
    after: WAITING,
    may: { published: 1, place: "reading", ...HEARD },
    not: { published: 1 },
  },
  {
    name: "who waits is woken for nothing",
    after: WAITING,
    may: {},
    not: { place: "reading" },
  },
  {
    name: "an event is given twice",
    after: [{}, { published: 1 }, HEARD],
    may: {},
    not: { heardCount: 2 },
  },
  {
    name: "a cursor goes back",
    after: [{}, { published: 1 }, HEARD],
    may: {},
    not: { cursor: 0 },
  },
  {
    name: "somebody waits for what is there",
    after: [{}, { published: 1 }],
    may: HEARD,
    not: { place: "waiting" },
  },
  {
    name: "a subscription that is closed gives what was left",
    after: [{}, { published: 1 }, { place: "closed" }],
    may: {},
    not: HEARD,
  },
];

describe("models: a run that the bus may not have", () => {
  for (const { name, after, may, not } of BUGS) {
    it(`is refused where ${name}`, () => {
      const refusedOf = (last: Seen): number | undefined =>
        followRun(busRun(modules, 1, looksOf([...after, last]))).refused;

      assert.equal(refusedOf(may), undefined);
      assert.equal(refusedOf(not), after.length + 1);
    });
  }
});
