/**
 * The checker of linearizability against the definition, on small histories of any kind: it accepts what has an order, and
 * nothing else, and the prefix that it names is the shortest one without.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { checkLinearizability } from "#chaos/checkers/linearizability.ts";
import type { Outcome } from "#chaos/checkers/operation.ts";
import { isLinearizable } from "#test/chaos/checkers/brute-force.ts";
import {
  operation,
  type RegisterAnswer,
  type RegisterAsked,
  type RegisterOperation,
  register,
} from "#test/chaos/checkers/register.ts";
import { drawnAs } from "#test/kit/runs.ts";

const values = fc.integer({ min: 0, max: 2 });
const asks: fc.Arbitrary<RegisterAsked> = fc.oneof(
  fc.record({ kind: fc.constant("read" as const) }),
  fc.record({ kind: fc.constant("write" as const), value: values }),
  fc.record({ kind: fc.constant("swap" as const), from: values, to: values }),
);

interface Drawn {
  readonly asked: RegisterAsked;
  readonly saw: number;
  readonly fate: number;
  readonly from: number;
  readonly lasts: number;
}

/** Moments coincide often: those of one moment are concurrent. */
const drawn: fc.Arbitrary<Drawn> = fc.record({
  asked: asks,
  saw: values,
  fate: fc.integer({ min: 0, max: 9 }),
  from: fc.integer({ min: 0, max: 12 }),
  lasts: fc.integer({ min: 0, max: 5 }),
});
const histories = fc.array(drawn, { minLength: 1, maxLength: 7, size: "max" });

function answerOf({ asked, saw }: Drawn): RegisterAnswer {
  if (asked.kind === "read") return saw;
  return asked.kind === "write" || saw > 0;
}

/** One in ten is refused, one unknown and open, one unknown with an end. */
function recorded(drawing: Drawn, index: number): RegisterOperation {
  const { asked, fate, from, lasts } = drawing;
  const client = `client ${index}`;
  if (fate === 0) return operation(client, [from, from + lasts], asked, { kind: "refused" });
  if (fate === 1) return operation(client, [from], asked);
  const outcome: Outcome<RegisterAnswer> = fate === 2 ? { kind: "unknown" } : { kind: "ok", answer: answerOf(drawing) };
  return operation(client, [from, from + lasts], asked, outcome);
}

describe("linearizability: checkLinearizability", () => {
  it("accepts what the definition accepts, and refuses what it refuses", (context) => {
    const tally = { accepted: 0, refused: 0, effective: 0, unused: 0 };
    fc.assert(
      fc.property(histories, (drawings) => {
        const operations = drawings.map(recorded);
        const expected = isLinearizable(operations, register);

        const { problems, effectiveCount, unusedCount } = checkLinearizability(operations, register);

        assert.equal(problems.length === 0, expected);
        tally[expected ? "accepted" : "refused"] += 1;
        tally.effective += effectiveCount;
        tally.unused += unusedCount;
      }),
      drawnAs({ usual: 1500, slowness: 0.3 }),
    );

    context.diagnostic(JSON.stringify(tally));
    const { accepted, refused, effective, unused } = tally;
    const isEven = Math.min(accepted, refused) * 5 > accepted + refused;
    assert(isEven, "both occur often");
    assert(effective > 0 && unused > 0, "unknown ones do, and do not, take effect");
  });

  it("names the shortest prefix without an order, with what is known of the rest", () => {
    fc.assert(
      fc.property(histories, (drawings) => {
        const operations = drawings.map(recorded);
        const [problem] = checkLinearizability(operations, register).problems;
        if (problem?.kind !== "not-linearizable") return;
        const { blocked, prefixCount } = problem;

        const returnsAt = [...new Set(operations.map(({ returnedAt }) => returnedAt))].sort(
          (one, other) => one - other,
        );
        const shortest = returnsAt.find((endAt) => !isLinearizable(upTo(operations, endAt), register));

        assert.equal(blocked.returnedAt, shortest);
        const placed = operations.filter(
          ({ asked, outcome }) => outcome.kind === "ok" || (outcome.kind === "unknown" && asked.kind !== "read"),
        );
        assert.equal(prefixCount, placed.filter(({ returnedAt }) => returnedAt <= blocked.returnedAt).length);
      }),
      drawnAs({ usual: 500, slowness: 0.6 }),
    );
  });

  it("is the same whatever the order in which operations are handed over", () => {
    fc.assert(
      fc.property(histories, (drawings) => {
        const operations = drawings.map(recorded);

        const one = checkLinearizability(operations, register);
        const again = checkLinearizability(operations, register);
        const other = checkLinearizability(operations.toReversed(), register);

        assert.deepEqual(again, one);
        assert.equal(other.problems.length, one.problems.length);
      }),
      drawnAs({ usual: 200, slowness: 0.6 }),
    );
  });
});

/** What had happened by then. What was under way may be left out; where it is not, it is answered as it was. */
function upTo(operations: readonly RegisterOperation[], endAt: number): readonly RegisterOperation[] {
  return operations
    .filter(({ invokedAt }) => invokedAt <= endAt)
    .map((each) => (each.returnedAt <= endAt ? each : { ...each, returnedAt: Number.POSITIVE_INFINITY }));
}
