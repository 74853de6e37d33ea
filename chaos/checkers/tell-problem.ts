/** A problem of linearizability in words, for whoever has to find the bug behind it. */
import type { LinearizabilityProblem } from "#chaos/checkers/linearizability.ts";
import type { Incident, Operation } from "#chaos/checkers/operation.ts";
import type { SequentialModel } from "#chaos/checkers/sequential-model.ts";

/** Operations under way at once that are told of. */
export const CONCURRENT_TOLD_MAX = 16;
/** Incidents that are told of, the newest. */
export const INCIDENTS_TOLD_MAX = 16;

/**
 * Several lines: what cannot be, what came before it, where that leads, what was under way, and which `incidents` there were since
 * the first of those.
 */
export function tellProblem<State, Asked, Answer>(
  problem: LinearizabilityProblem<State, Asked, Answer>,
  model: SequentialModel<State, Asked, Answer>,
  incidents: readonly Incident[] = [],
): string {
  const { key } = problem;
  if (problem.kind === "undecided") {
    const { operationCount, steps } = problem;
    return `${key}: undecided: ${operationCount} operations were not put into an order in ${steps} steps`;
  }
  const { blocked, prefixCount, order, states, concurrent } = problem;
  const line = (operation: Operation<Asked, Answer>): string => `  ${tellOperation(operation, model)}`;
  const told = concurrent.slice(0, CONCURRENT_TOLD_MAX);
  const untoldCount = concurrent.length - told.length;
  const beganAt = Math.min(...[...order, blocked].map(({ invokedAt }) => invokedAt));
  const meanwhile = incidents.filter(({ at }) => at >= beganAt && at <= blocked.returnedAt).slice(-INCIDENTS_TOLD_MAX);
  return [
    `${key}: not linearizable: no order explains the first ${prefixCount} that returned, the last of them being`,
    line(blocked),
    order.length === 0 ? "nothing comes before it" : `the last ${order.length} of an order of all before it are`,
    ...order.map(line),
    `which leads to ${states.map((state) => model.tellState(state)).join(", or to ")}`,
    `${concurrent.length} under way when it returned, itself among them:`,
    ...told.map(line),
    ...(untoldCount > 0 ? [`  and ${untoldCount} more`] : []),
    ...(meanwhile.length > 0
      ? ["what went wrong meanwhile:", ...meanwhile.map(({ at, what }) => `  ${at} ${what}`)]
      : []),
  ].join("\n");
}

function tellOperation<State, Asked, Answer>(
  { client, asked, outcome, invokedAt, returnedAt }: Operation<Asked, Answer>,
  model: SequentialModel<State, Asked, Answer>,
): string {
  const end = returnedAt === Number.POSITIVE_INFINITY ? "…" : String(returnedAt);
  return `${invokedAt}–${end} ${client}: ${model.tell(asked, outcome)}`;
}
