/** Linearizability by its definition: every order of every choice of unknown operations is tried, as its words have it. */
import type { Operation } from "#chaos/checkers/operation.ts";
import type { Placed, SequentialModel } from "#chaos/checkers/sequential-model.ts";

/** For a handful of operations of one key. One without an end may be left out, also where it is said what it answered. */
export function isLinearizable<State, Asked, Answer>(
  operations: readonly Operation<Asked, Answer>[],
  model: SequentialModel<State, Asked, Answer>,
): boolean {
  const placed = operations.filter(({ outcome }) => outcome.kind !== "refused");
  const certain = placed.filter((each) => isCertain(each));
  const open = placed.filter((each) => !isCertain(each));
  return subsetsOf(open).some((taken) => hasOrder([...certain, ...taken], model.initial, model));
}

function isCertain({ outcome, returnedAt }: Operation<unknown, unknown>): boolean {
  return outcome.kind === "ok" && Number.isFinite(returnedAt);
}

function hasOrder<State, Asked, Answer>(
  left: readonly Operation<Asked, Answer>[],
  state: State,
  model: SequentialModel<State, Asked, Answer>,
): boolean {
  return (
    left.length === 0 ||
    left.some((next) => {
      const others = left.filter((other) => other !== next);
      if (others.some(({ returnedAt }) => returnedAt < next.invokedAt)) return false;
      const after = model.step(state, next.asked, next.outcome as Placed<Answer>);
      return after !== undefined && hasOrder(others, after, model);
    })
  );
}

function subsetsOf<Value>([first, ...rest]: readonly Value[]): readonly (readonly Value[])[] {
  if (first === undefined) return [[]];
  return subsetsOf(rest).flatMap((subset) => [subset, [first, ...subset]]);
}
