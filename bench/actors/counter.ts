/** The actor that every arm has: it adds up amounts and answers with the sum. What it counted is what was handled. */
import type { Behavior } from "#runtime/behavior.ts";
import { Defect, must, ok } from "#runtime/errors.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

export interface CounterProtocol {
  /** What rides along between cells is only carried. */
  add: Call<{ readonly amount: number; readonly carried?: Uint8Array }, number>;
  tell: Cast<{ readonly amount: number }>;
  crash: Cast<Record<never, never>>;
}

interface Counter {
  sum: number;
}

export const counter: Behavior<CounterProtocol, Record<never, never>, undefined, Counter> = {
  name: "counter",
  init: () => ({ sum: 0 }),
  handlers: {
    add: (state, { amount }) => {
      state.sum += amount;
      return ok(state.sum);
    },
    tell: (state, { amount }) => {
      state.sum += amount;
    },
    crash: () => {
      throw new Defect("crashed by the bench");
    },
  },
};

/** Every call has a deadline, far away. */
export const patient: { readonly timeoutMs: number } = { timeoutMs: 30 * second };

/** How many messages of amount 1 the counter has handled. */
export async function sumOf(ref: Ref<CounterProtocol>): Promise<number> {
  return must(await ref.call("add", { amount: 0 }, patient), "asking the counter");
}
