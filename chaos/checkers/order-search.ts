/**
 * Looks for an order of the operations of one key that its model allows and that keeps to time: what returned before another
 * was called comes before it. The search of Wing and Gong, with what Lowe remembers: a set of placed operations that has led
 * to a state once is not tried again.
 *
 * - One that is ok is placed; one that is unknown is placed where it took effect, or dropped, at the latest at its end.
 * - A read is placed wherever it fits, with nothing tried in its stead: an order in which it comes later has one in which it
 *   comes now. Dropping changes nothing, so it is put off until the end of the operation is in the way.
 * - What is remembered is compared whole, not by a hash: there are neither false passes nor false alarms.
 */
import { type Moment, Moments } from "#chaos/checkers/moments.ts";
import type { Operation } from "#chaos/checkers/operation.ts";
import type { Placed, SequentialModel } from "#chaos/checkers/sequential-model.ts";
import { assert } from "#runtime/errors.ts";

/** Of the order that got furthest, the last operations that are kept. */
export const ORDER_KEPT_MAX = 8;
/** Different states that are kept of those in which no order goes on. */
export const STATES_KEPT_MAX = 4;

export type Search<State> =
  | {
      readonly kind: "found";
      /** Indices of operations. Unknown ones that are not in it never took effect. */
      readonly order: readonly number[];
      readonly steps: number;
    }
  | { readonly kind: "none"; readonly deadEnd: DeadEnd<State>; readonly steps: number }
  | { readonly kind: "undecided"; readonly steps: number };

/** How far any order goes. */
export interface DeadEnd<State> {
  /** The operation that none places before it returned. All that returned before it can be. */
  readonly blocked: number;
  /** The last ones of an order that gets there. */
  readonly order: readonly number[];
  /** Under way when it returned, and not placed by that order; `blocked` is among them. */
  readonly open: readonly number[];
  /** After that order, and after others that get there. */
  readonly states: readonly State[];
}

/** An operation that was placed, or dropped, and what was there before. */
interface Choice<State> {
  readonly call: Moment;
  readonly state: State;
  readonly newest: number;
  readonly isDropped: boolean;
  /** Nothing else is tried in its place. */
  readonly isOnly: boolean;
}

/** `operations`, of one key and in the order of their calls, have no refused ones. After `stepsMax` steps it gives up. */
export function searchOrder<State, Asked, Answer>(
  operations: readonly Operation<Asked, Answer>[],
  model: SequentialModel<State, Asked, Answer>,
  stepsMax: number,
): Search<State> {
  return new OrderSearch(operations, model, stepsMax).run();
}

class OrderSearch<State, Asked, Answer> {
  readonly #operations: readonly Operation<Asked, Answer>[];
  readonly #model: SequentialModel<State, Asked, Answer>;
  readonly #stepsMax: number;
  readonly #moments: Moments;
  readonly #choices: Choice<State>[] = [];
  /** Sets of placed operations with the state that they led to. */
  readonly #seen = new Set<string>();
  /** Returns in their order, by operation. */
  readonly #ranks: readonly number[];
  #state: State;
  /** The highest index that was placed. */
  #newest = -1;
  /** Operations that are ok and not placed. */
  #leftCount: number;
  #steps = 0;
  #deadEnd: DeadEnd<State> | undefined;

  constructor(
    operations: readonly Operation<Asked, Answer>[],
    model: SequentialModel<State, Asked, Answer>,
    stepsMax: number,
  ) {
    this.#operations = operations;
    this.#model = model;
    this.#stepsMax = stepsMax;
    this.#moments = new Moments(operations);
    this.#ranks = ranksOf(this.#moments, operations.length);
    this.#state = model.initial;
    this.#leftCount = operations.filter(({ outcome }) => outcome.kind === "ok").length;
  }

  run(): Search<State> {
    let moment = this.#moments.first;
    while (this.#leftCount > 0) {
      this.#steps += 1;
      if (this.#steps > this.#stepsMax) return { kind: "undecided", steps: this.#steps };
      assert(moment !== undefined, "what is ok returns");
      if (moment.kind === "call") {
        moment = this.#place(moment) ? this.#moments.first : moment.next;
        continue;
      }
      if (this.#drop(moment)) {
        moment = this.#moments.first;
        continue;
      }
      this.#noteDeadEnd(moment);
      const next = this.#undo();
      if (next === "exhausted") {
        assert(this.#deadEnd !== undefined, "a search ends at a return");
        return { kind: "none", deadEnd: this.#deadEnd, steps: this.#steps };
      }
      moment = next;
    }
    const order = this.#choices.filter(({ isDropped }) => !isDropped).map(({ call }) => call.index);
    return { kind: "found", order, steps: this.#steps };
  }

  /** Whether the operation can come next, and does. */
  #place(call: Moment): boolean {
    const { asked, outcome } = this.#operation(call);
    const next = this.#model.step(this.#state, asked, outcome);
    if (next === undefined) return false;
    const isOnly = this.#model.isRead(asked, outcome);
    this.#choose({ call, state: this.#state, newest: this.#newest, isDropped: false, isOnly });
    this.#state = next;
    this.#newest = Math.max(this.#newest, call.index);
    if (isOnly || this.#isNew()) return true;
    this.#takeBack();
    return false;
  }

  /** Whether it is unknown, so that it need not have taken effect before its end. */
  #drop({ other: call }: Moment): boolean {
    assert(call !== undefined, "a return has a call");
    if (this.#operation(call).outcome.kind === "ok") return false;
    this.#choose({ call, state: this.#state, newest: this.#newest, isDropped: true, isOnly: true });
    this.#newest = Math.max(this.#newest, call.index);
    return true;
  }

  #choose(choice: Choice<State>): void {
    this.#choices.push(choice);
    this.#moments.take(choice.call);
    if (this.#operation(choice.call).outcome.kind === "ok") this.#leftCount -= 1;
  }

  #takeBack(): Choice<State> | undefined {
    const choice = this.#choices.pop();
    if (choice === undefined) return undefined;
    this.#moments.putBack(choice.call);
    if (this.#operation(choice.call).outcome.kind === "ok") this.#leftCount += 1;
    this.#state = choice.state;
    this.#newest = choice.newest;
    return choice;
  }

  /** Back to the last place where something else can be tried, and what that is. */
  #undo(): Moment | undefined | "exhausted" {
    for (;;) {
      const choice = this.#takeBack();
      if (choice === undefined) return "exhausted";
      if (!choice.isOnly) return choice.call.next;
    }
  }

  /**
   * Whether these operations have not led to this state before. They are all up to the newest but those that are still in the
   * list: few, because at most so many are under way.
   */
  #isNew(): boolean {
    let key = `${this.#newest}`;
    for (let moment = this.#moments.first; moment !== undefined && moment.index < this.#newest; moment = moment.next) {
      if (moment.kind === "call") key += ` ${moment.index}`;
    }
    key += `:${this.#model.keyOf(this.#state)}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }

  #noteDeadEnd({ index: blocked }: Moment): void {
    const before = this.#deadEnd;
    const further = this.#rank(blocked) - (before === undefined ? -1 : this.#rank(before.blocked));
    if (further < 0) return;
    if (before === undefined || further > 0) {
      this.#deadEnd = { blocked, order: this.#lastPlaced(), open: this.#openBefore(blocked), states: [this.#state] };
      return;
    }
    const { keyOf } = this.#model;
    const isKnown = before.states.some((state) => keyOf(state) === keyOf(this.#state));
    if (isKnown || before.states.length >= STATES_KEPT_MAX) return;
    this.#deadEnd = { ...before, states: [...before.states, this.#state] };
  }

  #lastPlaced(): readonly number[] {
    const last: number[] = [];
    for (let at = this.#choices.length - 1; at >= 0 && last.length < ORDER_KEPT_MAX; at -= 1) {
      const choice = this.#choices[at];
      if (choice?.isDropped === false) last.unshift(choice.call.index);
    }
    return last;
  }

  /** The return of `blocked` is the first one that is left. */
  #openBefore(blocked: number): readonly number[] {
    const open: number[] = [];
    for (let moment = this.#moments.first; moment?.kind === "call"; moment = moment.next) open.push(moment.index);
    assert(open.includes(blocked), "what returns was called");
    return open;
  }

  #rank(index: number): number {
    return this.#ranks[index] ?? Number.POSITIVE_INFINITY;
  }

  #operation({ index }: Moment): Operation<Asked, Answer> & { readonly outcome: Placed<Answer> } {
    const operation = this.#operations[index];
    assert(operation !== undefined && isPlaced(operation), "every moment is one of an operation that was not refused");
    return operation;
  }
}

function isPlaced<Asked, Answer>(
  operation: Operation<Asked, Answer>,
): operation is Operation<Asked, Answer> & { readonly outcome: Placed<Answer> } {
  return operation.outcome.kind !== "refused";
}

function ranksOf(moments: Moments, count: number): readonly number[] {
  const ranks = new Array<number>(count).fill(Number.POSITIVE_INFINITY);
  let rank = 0;
  for (let moment = moments.first; moment !== undefined; moment = moment.next) {
    if (moment.kind === "return") ranks[moment.index] = rank++;
  }
  return ranks;
}
