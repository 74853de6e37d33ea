/** Runs of the real supervisor in simulation are runs of its model; and runs that it may not have are none. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type RunModules, refusedLook } from "#chaos/models/run.ts";
import {
  type SeenChild,
  type SupervisorBounds,
  type SupervisorLook,
  supervisorRun,
} from "#chaos/models/supervisor-run.ts";
import { runSeeds } from "#runtime/simulated/seeds.ts";
import { minute } from "#runtime/units.ts";
import { defaultBudget, defaultIntensity } from "#supervisor/system/defaults.ts";
import { modulesOf, type RunBug } from "#test/chaos/models/run-kit.ts";
import { supervisedRun } from "#test/chaos/models/supervised-run.ts";
import { runsOf } from "#test/kit/runs.ts";

const COUNT = runsOf({ usual: 4, slowness: 30 });

const BOUNDS: SupervisorBounds = { budget: defaultBudget, intensity: defaultIntensity };

/** Every other one with an intensity that is met. */
function boundsOf(seed: number): SupervisorBounds {
  return seed % 2 === 0 ? BOUNDS : { ...BOUNDS, intensity: { restartsMax: 8, periodMs: 1 * minute } };
}

let modules: RunModules = { model: "", run: "" };
before(async () => {
  modules = await modulesOf("Supervisor");
});

describe("models: runs of the supervisor", () => {
  it("are runs of its model, by seed", async (test) => {
    const seen = new Map<string, number>();
    await runSeeds({ count: COUNT, repeatEvery: COUNT }, async (simulation) => {
      const bounds = boundsOf(simulation.seed);
      const looks = await supervisedRun(simulation, { intensity: bounds.intensity, stepCount: 40 });

      const refused = refusedLook(supervisorRun(modules, bounds, looks));

      const shown = refused === undefined ? [] : looks.slice(Math.max(0, refused - 3), refused + 1);
      assert.deepEqual(shown, [], "the last of these is no consequence of those before");
      for (const { state } of looks.flatMap(({ children }) => children)) seen.set(state, (seen.get(state) ?? 0) + 1);
    });

    test.diagnostic(`${COUNT} runs: ${JSON.stringify(Object.fromEntries(seen))}`);
    const met = ["backing-off", "quarantined", "probing", "stopping"].filter((state) => seen.has(state));
    assert.deepEqual(met, ["backing-off", "quarantined", "probing", "stopping"]);
  });
});

type Counts = Partial<Pick<SeenChild, "failedStarts" | "resumes">>;
type Seen = readonly [afterMs: number, state: SeenChild["state"], lives: number, counts?: Counts];

/** One child, and what is seen of it. A life that is over ended by itself: it has not been told to stop. */
function looksOf(seen: readonly Seen[]): readonly SupervisorLook[] {
  let atMs = 0;
  return seen.map(([afterMs, state, lives, counts = {}]) => {
    atMs += afterMs;
    const exits = state === "running" || state === "starting" || state === "probing" ? lives - 1 : lives;
    return { atMs, children: [{ name: "one", state, lives, exits, failedStarts: 0, resumes: 0, ...counts }] };
  });
}

/** Up, and five crashes that were answered by a restart. */
const FIVE_CRASHES: readonly Seen[] = [
  [0, "running", 1],
  ...[1, 2, 3, 4, 5].flatMap((life): readonly Seen[] => [
    [1000, "backing-off", life],
    [50, "starting", life + 1],
    [0, "running", life + 1],
  ]),
];
const QUARANTINED: readonly Seen[] = [...FIVE_CRASHES, [1000, "quarantined", 6]];
const BY_PROBE: readonly Seen[] = [...QUARANTINED, [60_000, "probing", 7], [1, "running", 7]];
const TWO_CRASHES: readonly Seen[] = FIVE_CRASHES.slice(0, 4);

const BUGS: readonly RunBug<Seen>[] = [
  {
    name: "the sixth crash is answered by a restart",
    after: FIVE_CRASHES,
    may: [1000, "quarantined", 6],
    not: [1000, "backing-off", 6],
  },
  {
    name: "the fifth crash is answered by a quarantine",
    after: FIVE_CRASHES.slice(0, 13),
    may: [1000, "backing-off", 5],
    not: [1000, "quarantined", 5],
  },
  {
    name: "what is quarantined is restarted without a word",
    after: QUARANTINED,
    may: [10, "starting", 7, { resumes: 1 }],
    not: [10, "starting", 7],
  },
  { name: "a probe is early", after: QUARANTINED, may: [60_000, "probing", 7], not: [59_999, "probing", 7] },
  { name: "a probe is late", after: QUARANTINED, may: [60_000, "probing", 7], not: [60_001, "probing", 7] },
  {
    name: "who did not come up for a probe is probed again as soon",
    after: [...QUARANTINED, [60_000, "probing", 7], [1, "quarantined", 7, { failedStarts: 1 }]],
    may: [120_000, "probing", 8, { failedStarts: 1 }],
    not: [60_000, "probing", 8, { failedStarts: 1 }],
  },
  {
    name: "who came up for a probe, and crashed, is probed again as late as one that did not",
    after: [...BY_PROBE, [1000, "quarantined", 7]],
    may: [60_000, "probing", 8],
    not: [120_000, "probing", 8],
  },
  {
    name: "who was brought back by a probe and crashes at once is restarted",
    after: BY_PROBE,
    may: [29_999, "quarantined", 7],
    not: [29_999, "backing-off", 7],
  },
  {
    name: "who was stable after a probe is quarantined at its next crash",
    after: BY_PROBE,
    may: [30_000, "backing-off", 7],
    not: [30_000, "quarantined", 7],
  },
  {
    name: "a first pause is longer than its ceiling",
    after: FIVE_CRASHES.slice(0, 2),
    may: [100, "starting", 2],
    not: [101, "starting", 2],
  },
  {
    name: "a second pause is longer than twice that",
    after: [...TWO_CRASHES, [1, "backing-off", 2]],
    may: [200, "starting", 3],
    not: [201, "starting", 3],
  },
  {
    name: "what is quarantined backs off",
    after: QUARANTINED,
    may: [10, "starting", 7, { resumes: 1 }],
    not: [10, "backing-off", 6],
  },
  {
    name: "a pause is not begun",
    after: FIVE_CRASHES.slice(0, 2),
    may: [1, "starting", 2],
    not: [1, "running", 1],
  },
];

describe("models: a run that the supervisor may not have", () => {
  for (const [name, change] of [
    ["a life begins beside another", { lives: 2 }],
    ["a life ends, and nothing comes of it", { exits: 1 }],
    ["a word brings back what is up", { resumes: 1 }],
  ] as const) {
    it(`is refused where ${name}`, () => {
      const [look] = looksOf([[0, "running", 1]]);
      assert(look !== undefined);
      const children = look.children.map((child) => ({ ...child, ...change }));

      const refused = refusedLook(supervisorRun(modules, BOUNDS, [look, { atMs: 1, children }]));

      assert.equal(refused, 1);
    });
  }

  for (const { name, after, may, not } of BUGS) {
    it(`is refused where ${name}`, () => {
      assert.equal(refusedOf([...after, may]), undefined);
      assert.equal(refusedOf([...after, not]), after.length);
    });
  }
});

function refusedOf(seen: readonly Seen[]): number | undefined {
  return refusedLook(supervisorRun(modules, BOUNDS, looksOf(seen)));
}
