/** The checker of linearizability on histories that are known to be right or wrong, what it says of them, and how fast it is. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkLinearizability } from "#chaos/checkers/linearizability.ts";
import { tellProblem } from "#chaos/checkers/tell-problem.ts";
import { longHistory, withStaleRead } from "#test/chaos/checkers/long-history.ts";
import { ok, operation, type RegisterOperation, read, register, swap, write } from "#test/chaos/checkers/register.ts";

/** A history, and the client whose operation is the first that nothing explains; undefined: all are explained. */
interface Known {
  readonly what: string;
  readonly history: readonly RegisterOperation[];
  readonly blocked?: string;
}

const known: readonly Known[] = [
  { what: "nothing", history: [] },
  {
    what: "one after another",
    history: [operation("a", [1, 2], write(1), ok(true)), operation("b", [3, 4], read, ok(1))],
  },
  {
    what: "a read that overtakes a write under way, seen by a later one that began with it",
    history: [
      operation("a", [1, 9], write(1), ok(true)),
      operation("b", [2, 3], read, ok(0)),
      operation("c", [2, 8], read, ok(1)),
    ],
  },
  {
    what: "a stale read",
    history: [
      operation("a", [1, 2], write(1), ok(true)),
      operation("a", [3, 4], write(2), ok(true)),
      operation("b", [5, 6], read, ok(1)),
    ],
    blocked: "b",
  },
  {
    what: "a lost update",
    history: [
      operation("a", [1, 4], swap(0, 1), ok(true)),
      operation("b", [5, 6], read, ok(0)),
      operation("c", [7, 8], swap(0, 2), ok(true)),
    ],
    blocked: "b",
  },
  {
    what: "a read of a value that nobody wrote",
    history: [operation("a", [1, 5], write(1), ok(true)), operation("b", [2, 3], read, ok(7))],
    blocked: "b",
  },
  {
    what: "two who both swapped the same value (a split brain)",
    history: [operation("a", [1, 4], swap(0, 1), ok(true)), operation("b", [2, 5], swap(0, 2), ok(true))],
    blocked: "b",
  },
  {
    what: "two who read two writes in different orders",
    history: [
      operation("a", [1, 10], write(1), ok(true)),
      operation("b", [1, 10], write(2), ok(true)),
      operation("c", [2, 3], read, ok(1)),
      operation("c", [4, 5], read, ok(2)),
      operation("d", [2, 3], read, ok(2)),
      operation("d", [4, 6], read, ok(1)),
    ],
    blocked: "d",
  },
  {
    what: "a read that goes back behind another that was answered before",
    history: [
      operation("a", [1, 10], write(1), ok(true)),
      operation("b", [2, 3], read, ok(1)),
      operation("c", [4, 5], read, ok(0)),
    ],
    blocked: "c",
  },
  {
    what: "an unknown write that took effect late",
    history: [operation("a", [1], write(1)), operation("b", [2, 3], read, ok(0)), operation("b", [4, 5], read, ok(1))],
  },
  {
    what: "an unknown write that never did",
    history: [operation("a", [1], write(1)), operation("b", [2, 3], read, ok(0))],
  },
  {
    what: "an unknown write that took effect, and was undone",
    history: [operation("a", [1], write(1)), operation("b", [2, 3], read, ok(1)), operation("b", [4, 5], read, ok(0))],
    blocked: "b",
  },
  {
    what: "an unknown write that took effect after its end",
    history: [
      operation("a", [1, 3], write(1)),
      operation("b", [4, 5], read, ok(0)),
      operation("c", [6, 7], read, ok(1)),
    ],
    blocked: "c",
  },
  {
    what: "an unknown write that took effect before its end",
    history: [operation("a", [1, 3], write(1)), operation("b", [4, 5], read, ok(1))],
  },
  {
    what: "a refused write that was done all the same",
    history: [operation("a", [1, 3], write(1), { kind: "refused" }), operation("b", [4, 5], read, ok(1))],
    blocked: "b",
  },
  {
    what: "a write of what was there, which another order needs later",
    history: [
      operation("a", [1], write(0)),
      operation("b", [2, 3], write(1), ok(true)),
      operation("b", [4, 5], read, ok(0)),
    ],
  },
  {
    what: "a return and a call at one moment, which are concurrent",
    history: [operation("a", [1, 2], write(1), ok(true)), operation("b", [2, 3], read, ok(0))],
  },
];

describe("linearizability: a history that is known", () => {
  for (const { what, history, blocked } of known) {
    it(`${what} is ${blocked === undefined ? "linearizable" : "not"}`, () => {
      const [problem] = checkLinearizability(history, register).problems;

      assert.equal(problem?.kind === "not-linearizable" ? problem.blocked.client : problem, blocked);
    });
  }

  it("is looked at key by key", () => {
    const { keyCount, operationCount, problems } = checkLinearizability(
      [
        operation("a", [1, 2], write(1), ok(true), "one"),
        operation("b", [3, 4], read, ok(0), "other"),
        operation("c", [5, 6], read, ok(2), "third"),
        operation("d", [5, 6], read, ok(3), "fourth"),
      ],
      register,
    );

    assert.deepEqual([keyCount, operationCount, problems.map(({ key }) => key)], [4, 4, ["third", "fourth"]]);
  });

  it("says how many say nothing, how many unknown ones took effect, and how many had no need to", () => {
    const { problems, ...counts } = checkLinearizability(
      [
        operation("a", [1, 2], write(3), { kind: "refused" }),
        operation("b", [3], swap(0, 1)),
        operation("c", [4], swap(5, 6)),
        operation("d", [5, 7], swap(0, 2)),
        operation("e", [8, 9], read, ok(1)),
        operation("f", [10], read),
      ],
      register,
    );

    const { keyCount, operationCount, idleCount, effectiveCount, unusedCount } = counts;
    assert.deepEqual(problems, []);
    assert.deepEqual([keyCount, operationCount, idleCount, effectiveCount, unusedCount], [1, 6, 2, 1, 2]);
  });

  it("that is none is a defect: an answer before its question, and one that never came", () => {
    assert.throws(() => checkLinearizability([operation("a", [2, 1], read, ok(0))], register), /a: it is called/);
    assert.throws(() => checkLinearizability([operation("a", [2], read, ok(0))], register), /a: it is called/);
  });
});

describe("linearizability: what is said of a problem", () => {
  it("names the key, the first answer that nothing explains, what comes before it, and what was under way", () => {
    const history = [
      operation("ann", [1, 2], write(1), ok(true), "door"),
      operation("ben", [3, 4], write(2), ok(true), "door"),
      operation("eve", [5], write(5), { kind: "unknown" }, "door"),
      operation("cid", [6, 9], read, ok(1), "door"),
      operation("dan", [7, 12], read, ok(2), "door"),
      operation("fay", [10, 11], read, ok(2), "door"),
    ];

    const [problem] = checkLinearizability(history, register).problems;

    assert(problem !== undefined);
    assert.equal(
      tellProblem(problem, register, [
        { at: 0, what: "long ago" },
        { at: 5, what: "power cut" },
        { at: 10, what: "later" },
      ]),
      [
        "door: not linearizable: no order explains the first 3 that returned, the last of them being",
        '  6–9 cid: {"kind":"read"} → {"kind":"ok","answer":1}',
        "the last 3 of an order of all before it are",
        '  1–2 ann: {"kind":"write","value":1} → {"kind":"ok","answer":true}',
        '  3–4 ben: {"kind":"write","value":2} → {"kind":"ok","answer":true}',
        '  5–… eve: {"kind":"write","value":5} → {"kind":"unknown"}',
        "which leads to 5, or to 2",
        "2 under way when it returned, itself among them:",
        '  6–9 cid: {"kind":"read"} → {"kind":"ok","answer":1}',
        '  7–12 dan: {"kind":"read"} → {"kind":"ok","answer":2}',
        "what went wrong meanwhile:",
        "  5 power cut",
      ].join("\n"),
    );
  });

  it("is a problem too where the budget was spent", () => {
    const history = longHistory({ seed: 1, count: 200, clients: 8, keys: 1 });

    const { problems } = checkLinearizability(history, register, { stepsMax: 50 });

    assert.deepEqual(problems, [{ kind: "undecided", key: "k0", operationCount: 200, steps: 51 }]);
    const [problem] = problems;
    assert(problem !== undefined);
    assert.equal(
      tellProblem(problem, register),
      "k0: undecided: 200 operations were not put into an order in 51 steps",
    );
  });
});

describe("linearizability: how long it takes", () => {
  for (const plan of [
    { count: 10_000, clients: 5, keys: 1 },
    { count: 100_000, clients: 10, keys: 100 },
    { count: 20_000, clients: 10, keys: 200, unknownPercent: 2 },
    // More clients at one key than the search is made for: what is wrong may be undecided, but it does not pass.
    { count: 1000, clients: 20, keys: 1 },
  ]) {
    it(`accepts ${JSON.stringify(plan)}, and not with one stale read`, (context) => {
      const history = longHistory({ seed: 5, ...plan });
      const stale = withStaleRead(history);

      const beganMs = performance.now();
      const right = checkLinearizability(history, register);
      const middleMs = performance.now();
      const wrong = checkLinearizability(stale, register, { stepsMax: 300_000 });
      const tookMs = [middleMs - beganMs, performance.now() - middleMs].map(Math.round);

      context.diagnostic(JSON.stringify({ tookMs, steps: [right.steps, wrong.steps] }));
      assert.deepEqual(right.problems, []);
      assert.equal(wrong.problems.length, 1);
      assert(plan.clients > 10 || wrong.problems[0]?.kind === "not-linearizable");
    });
  }
});
