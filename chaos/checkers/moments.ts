/**
 * The calls and returns of one key in the order of time, as a list from which those of an operation are taken and to which
 * they are put back, the last taken first.
 *
 * A call at the moment of a return comes before it: of those two operations nobody can say which was first.
 */
import type { Operation } from "#chaos/checkers/operation.ts";

export interface Moment {
  readonly kind: "call" | "return";
  /** Of the operation, in the order of calls. */
  readonly index: number;
  /** Of the other moment of the operation; undefined for the call of one that does not return. */
  other: Moment | undefined;
  previous: Moment | undefined;
  next: Moment | undefined;
}

export class Moments {
  /** Stands before the first one. */
  readonly #head: Moment = { kind: "call", index: -1, other: undefined, previous: undefined, next: undefined };

  /** `operations` are in the order of their calls. */
  constructor(operations: readonly Operation<unknown, unknown>[]) {
    const returning = operations
      .map((operation, index) => ({ index, at: operation.returnedAt }))
      .filter(({ at }) => at !== Number.POSITIVE_INFINITY)
      .sort((one, other) => one.at - other.at || one.index - other.index);
    const calls = operations.map((_, index) => momentOf("call", index));
    let last = this.#head;
    const append = (moment: Moment): void => {
      moment.previous = last;
      last.next = moment;
      last = moment;
    };
    let called = 0;
    for (const { index, at } of returning) {
      for (; called < calls.length && (operations[called]?.invokedAt ?? 0) <= at; called += 1) {
        const call = calls[called];
        if (call !== undefined) append(call);
      }
      const moment = momentOf("return", index);
      const call = calls[index];
      if (call !== undefined) call.other = moment;
      moment.other = call;
      append(moment);
    }
    for (const call of calls.slice(called)) append(call);
  }

  get first(): Moment | undefined {
    return this.#head.next;
  }

  /** Takes the call and the return of an operation out of the list. */
  take(call: Moment): void {
    unlink(call);
    if (call.other !== undefined) unlink(call.other);
  }

  /** Undoes the last `take` that was not undone. */
  putBack(call: Moment): void {
    if (call.other !== undefined) relink(call.other);
    relink(call);
  }
}

function momentOf(kind: Moment["kind"], index: number): Moment {
  return { kind, index, other: undefined, previous: undefined, next: undefined };
}

function unlink({ previous, next }: Moment): void {
  if (previous !== undefined) previous.next = next;
  if (next !== undefined) next.previous = previous;
}

/** Its own links still say where it stood. */
function relink(moment: Moment): void {
  if (moment.previous !== undefined) moment.previous.next = moment;
  if (moment.next !== undefined) moment.next.previous = moment;
}
