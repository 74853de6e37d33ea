/**
 * Whether a recorded history is linearizable: as if each operation had taken effect at one moment between its call and its
 * return, as a sequential model says, key by key. Deterministic.
 *
 * A history without operations passes, and shows nothing: whoever asks looks at the counts. One that cannot be decided within
 * the budget is a problem like one that is wrong. Kind to the search are at most ten clients at a key, values that are all
 * different, and some hundreds of operations before the next key.
 */
import type { Operation } from "#chaos/checkers/operation.ts";
import { searchOrder } from "#chaos/checkers/order-search.ts";
import type { SequentialModel } from "#chaos/checkers/sequential-model.ts";
import { assert, unreachable } from "#runtime/errors.ts";

/** Operations of one key that are tried at a place in the order, all in all. A few seconds of a core, and some 300 MB. */
export const ORDER_STEPS_MAX = 2_000_000;

export interface Linearizability<State, Asked, Answer> {
  readonly keyCount: number;
  readonly operationCount: number;
  /** Of those, what was refused, and reads without an answer: they constrain nothing. */
  readonly idleCount: number;
  /** Unknown ones that took effect in the orders that were found, and those that did not. There may be other orders. */
  readonly effectiveCount: number;
  readonly unusedCount: number;
  readonly steps: number;
  /** Of each key at most one, in the order in which the keys were first used. None: the history is linearizable. */
  readonly problems: readonly LinearizabilityProblem<State, Asked, Answer>[];
}

export type LinearizabilityProblem<State, Asked, Answer> =
  | NotLinearizable<State, Asked, Answer>
  | {
      /** The budget was spent. Take fewer clients, more keys, or shorter histories. */
      readonly kind: "undecided";
      readonly key: string;
      readonly operationCount: number;
      readonly steps: number;
    };

/** No order explains the answers of this key up to a moment. */
export interface NotLinearizable<State, Asked, Answer> {
  readonly kind: "not-linearizable";
  readonly key: string;
  /** The shortest beginning of the history that has no order ends with the return of this one. */
  readonly blocked: Operation<Asked, Answer>;
  /** Operations that had returned by then, `blocked` among them. */
  readonly prefixCount: number;
  /** The last ones of an order of all that returned before. */
  readonly order: readonly Operation<Asked, Answer>[];
  /** What such orders lead to: in none of these could `blocked` come next, or any that would make way for it. */
  readonly states: readonly State[];
  /** Under way at the return of `blocked`, and not in `order`; `blocked` is among them. */
  readonly concurrent: readonly Operation<Asked, Answer>[];
}

export interface LinearizabilityOptions {
  /** For one key. Default `ORDER_STEPS_MAX`. */
  readonly stepsMax?: number;
}

/** Operations may come in any order. One that returns before it is called, or is ok and never returns, is a defect. */
export function checkLinearizability<State, Asked, Answer>(
  operations: readonly Operation<Asked, Answer>[],
  model: SequentialModel<State, Asked, Answer>,
  { stepsMax = ORDER_STEPS_MAX }: LinearizabilityOptions = {},
): Linearizability<State, Asked, Answer> {
  for (const operation of operations) assert(isInTime(operation), `${operation.client}: it is called, then it returns`);
  const byKey = Map.groupBy(operations, ({ key }) => key);
  const problems: LinearizabilityProblem<State, Asked, Answer>[] = [];
  const counts = { idleCount: 0, effectiveCount: 0, unusedCount: 0, steps: 0 };
  for (const [key, all] of byKey) {
    const placed = all.filter((operation) => !isIdle(operation, model)).sort(byCall);
    counts.idleCount += all.length - placed.length;
    const search = searchOrder(placed, model, stepsMax);
    counts.steps += search.steps;
    switch (search.kind) {
      case "found": {
        const unknownCount = placed.filter(({ outcome }) => outcome.kind === "unknown").length;
        const unusedCount = placed.length - search.order.length;
        counts.unusedCount += unusedCount;
        counts.effectiveCount += unknownCount - unusedCount;
        break;
      }
      case "undecided":
        problems.push({ kind: "undecided", key, operationCount: placed.length, steps: search.steps });
        break;
      case "none": {
        const { blocked, order, open, states } = search.deadEnd;
        const at = operationAt(placed, blocked);
        problems.push({
          kind: "not-linearizable",
          key,
          blocked: at,
          prefixCount: placed.filter(({ returnedAt }) => returnedAt <= at.returnedAt).length,
          order: order.map((index) => operationAt(placed, index)),
          states,
          concurrent: open.map((index) => operationAt(placed, index)),
        });
        break;
      }
      default:
        unreachable(search);
    }
  }
  return { keyCount: byKey.size, operationCount: operations.length, ...counts, problems };
}

function operationAt<Asked, Answer>(
  operations: readonly Operation<Asked, Answer>[],
  index: number,
): Operation<Asked, Answer> {
  const operation = operations[index];
  assert(operation !== undefined, "what was found is one of the operations");
  return operation;
}

function isIdle<State, Asked, Answer>(
  { asked, outcome }: Operation<Asked, Answer>,
  model: SequentialModel<State, Asked, Answer>,
): boolean {
  return outcome.kind === "refused" || (outcome.kind === "unknown" && model.isRead(asked, outcome));
}

/** Those of one moment in the order in which they were recorded. */
function byCall(one: Operation<unknown, unknown>, other: Operation<unknown, unknown>): number {
  return one.invokedAt - other.invokedAt;
}

function isInTime({ invokedAt, returnedAt, outcome }: Operation<unknown, unknown>): boolean {
  const mayStayOpen = outcome.kind === "unknown" && returnedAt === Number.POSITIVE_INFINITY;
  return Number.isFinite(invokedAt) && invokedAt <= returnedAt && (Number.isFinite(returnedAt) || mayStayOpen);
}
