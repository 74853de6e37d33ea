/**
 * What an object is to those who use it one after another. A history of many at once is linearizable if it can be brought
 * into an order that such a model allows.
 */
import type { Outcome } from "#chaos/checkers/operation.ts";

/** An outcome that an order has to explain: who was refused has no place in one. */
export type Placed<Answer> = Exclude<Outcome<Answer>, { readonly kind: "refused" }>;

/** Pure, all of it: the search asks the same again, in any order. */
export interface SequentialModel<State, Asked, Answer> {
  /** Of every key, before anything was asked. */
  readonly initial: State;
  /**
   * The state after, if `asked` could take effect in `state` and be answered so; undefined if it could not. With the outcome
   * unknown: the state if it took effect.
   */
  step(state: State, asked: Asked, outcome: Placed<Answer>): State | undefined;
  /**
   * Whether it leaves every state as it is. Such a one is taken wherever it fits, and nothing else is tried in its place. To say
   * no is always right, and slower.
   */
  isRead(asked: Asked, outcome: Placed<Answer>): boolean;
  /** Equal for states that nothing can tell apart, and only for those. */
  keyOf(state: State): string;
  /** For people: what was asked and answered. */
  tell(asked: Asked, outcome: Outcome<Answer>): string;
  /** For people. */
  tellState(state: State): string;
}
