/** Plans from outside, and what is left of a plan that fails. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Fault } from "#chaos/fault.ts";
import { titleOf } from "#chaos/fault.ts";
import { readPlan } from "#chaos/read-plan.ts";
import { planOf } from "#chaos/scenario.ts";
import { SCENARIOS } from "#chaos/scenarios.ts";
import { shrink } from "#chaos/shrink.ts";

const moments = { seed: 1, durationMs: 1000, settlesWithinMs: 1000, clients: 1, pauseMs: 0 };
const plan = { scenario: "own", ...moments, config: "", faults: [] as unknown[] };
const kill = { kind: "kill-cell", atMs: 1, cell: "data" };

function problemOf(given: unknown): string | undefined {
  const read = readPlan(typeof given === "string" ? given : JSON.stringify(given));
  return read.ok ? undefined : read.failure.problem;
}

describe("chaos plan: read", () => {
  for (const scenario of SCENARIOS) {
    it(`takes what a scenario makes (${scenario.name})`, () => {
      const made = planOf(scenario, { seed: 7 });

      assert.deepEqual(readPlan(JSON.stringify(made)), { ok: true, value: made });
      assert(made.faults.length > 0, "something goes wrong");
    });
  }

  for (const [what, given, problem] of [
    ["no JSON", '{\n "seed": x', /^it is no JSON: not-json, line 2, column 10$/],
    [
      "a key that is there twice",
      '{ "seed": 1,\n  "faults": [{ "kind": "crash-actor", "k\\u0069nd": "panic" }] }',
      /^"k\\u0069nd" is there twice in one object, the second time in line 2, column 39$/,
    ],
    ["a list", [], /^it is no object$/],
    ["a missing field", { ...plan, seed: undefined }, /^seed is missing$/],
    ["an unknown field", { ...plan, wish: 1 }, /^wish is not known here$/],
    ["a seed with a fraction", { ...plan, seed: 1.5 }, /^seed has to be a whole number from 0 to 4294967295$/],
    ["no faults", { ...plan, faults: 3 }, /^faults has to be a list of at most 10000$/],
    ["too many faults", { ...plan, faults: Array(10_001).fill(kill) }, /^faults has to be a list of at most 10000$/],
    ["a fault that is none", { ...plan, faults: [1] }, /^faults\[0\] is no object$/],
    [
      "an unknown kind",
      { ...plan, faults: [{ kind: "toString", atMs: 1 }] },
      /^faults\[0\]\.kind has to be one of crash-/,
    ],
    [
      "a fault without its cell",
      { ...plan, faults: [kill, { ...kill, cell: undefined }] },
      /^faults\[1\]\.cell is missing$/,
    ],
    [
      "a fault with another's field",
      { ...plan, faults: [{ ...kill, forMs: 1 }] },
      /^faults\[0\]\.forMs is not known here$/,
    ],
    [
      "an actor that there is not",
      { ...plan, faults: [{ kind: "crash-actor", atMs: 1, actor: "storrage" }] },
      /^faults\[0\]\.actor has to be one of storage, index, /,
    ],
    [
      "a cell that there is not",
      { ...plan, faults: [{ ...kill, cell: "date" }] },
      /^faults\[0\]\.cell has to be one of data, /,
    ],
    [
      "a server that there is not",
      { ...plan, faults: [{ kind: "kill-server", atMs: 1, server: "mysql" }] },
      /^faults\[0\]\.server has to be one of postgres, redis$/,
    ],
    [
      "a fault after the end",
      { ...plan, faults: [{ ...kill, atMs: 1000 }] },
      /^faults\[0\]\.atMs is not within durationMs$/,
    ],
    [
      "a fault before the beginning",
      { ...plan, faults: [{ ...kill, atMs: -1 }] },
      /^faults\[0\]\.atMs has to be a whole/,
    ],
    [
      "a probability that is no ratio",
      {
        ...plan,
        faults: [{ kind: "bad-network", atMs: 1, forMs: 1, loss: 0.1, duplicate: [0, 1], delayMs: 0, jitterMs: 0 }],
      },
      /^faults\[0\]\.loss has to be a ratio of whole numbers, as \[1, 10\] is$/,
    ],
    [
      "a group that is none",
      { ...plan, faults: [{ kind: "partition", atMs: 1, forMs: 1, groups: ["a", "d"] }] },
      /^faults\[0\]\.groups has to be a list of some of a, b, c$/,
    ],
    [
      "a group twice",
      { ...plan, faults: [{ kind: "partition", atMs: 1, forMs: 1, groups: ["b", "b"] }] },
      /^faults\[0\]\.groups has to be a list/,
    ],
    [
      "no group",
      { ...plan, faults: [{ kind: "one-way-cut", atMs: 1, forMs: 1, groups: [], lost: "answers" }] },
      /^faults\[0\]\.groups has to be a list/,
    ],
    [
      "a cut in no direction",
      { ...plan, faults: [{ kind: "one-way-cut", atMs: 1, forMs: 1, groups: ["a"], lost: "both" }] },
      /^faults\[0\]\.lost has to be one of requests, answers$/,
    ],
    [
      "a line that carries nothing",
      { ...plan, faults: [{ kind: "narrow-network", atMs: 1, forMs: 1, bytesPerSecond: 0 }] },
      /^faults\[0\]\.bytesPerSecond has to be a whole number from 1 to/,
    ],
    [
      "more than all",
      {
        ...plan,
        faults: [{ kind: "bad-network", atMs: 1, forMs: 1, loss: [2, 1], duplicate: [0, 1], delayMs: 0, jitterMs: 0 }],
      },
      /^faults\[0\]\.loss has to be a ratio/,
    ],
  ] as const) {
    it(`says what is wrong with ${what}`, () => {
      assert.match(problemOf(given) ?? "nothing", problem);
    });
  }
});

describe("chaos plan: shrink", () => {
  const faults = Array.from({ length: 23 }, (_, atMs): Fault => ({ kind: "kill-cell", atMs, cell: "data" }));

  it("leaves what is needed, wherever it is", async () => {
    for (const needed of [[0], [22], [4, 17], [0, 11, 22]]) {
      const { faults: left } = await shrink(faults, async (some) =>
        needed.every((at) => some.includes(faults[at] as Fault)),
      );

      assert.deepEqual(
        left.map(({ atMs }) => atMs),
        needed,
      );
    }
  });

  it("leaves nothing where it fails without any", async () => {
    assert.deepEqual((await shrink(faults, async () => true)).faults, []);
  });

  it("takes few runs for one of many", async () => {
    const { runs } = await shrink(faults, async (some) => some.includes(faults[9] as Fault));

    assert(runs <= 20, `${runs} runs`);
  });
});

describe("chaos fault: title", () => {
  it("says what is done to what, and for how long", () => {
    assert.equal(titleOf({ kind: "stop-cell", atMs: 5, forMs: 200, cell: "data" }), "stop-cell data for 200 ms");
    assert.equal(titleOf({ kind: "crash-actor", atMs: 5, actor: "index" }), "crash-actor index");
  });
});
