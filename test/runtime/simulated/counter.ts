/** An actor small enough to see through: it counts, remembers nothing over a crash, and asks somebody below. */
import type { Behavior } from "#runtime/behavior.ts";
import { Defect, type Failure, fail, ok } from "#runtime/errors.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";

export interface CounterProtocol {
  add: Call<{ readonly by: number }, number>;
  note: Cast<{ readonly word: string }>;
  words: Call<Record<never, never>, readonly string[]>;
  /** What the keeper has. */
  fetch: Call<{ readonly key: string }, string, Failure<"counter.unknown">>;
  poison: Cast<Record<never, never>>;
}

export interface KeeperProtocol {
  find: Call<{ readonly key: string }, string, Failure<"keeper.unknown">>;
  touch: Cast<{ readonly key: string }>;
}

export interface CounterEvents {
  counted: { readonly total: number };
}

interface State {
  total: number;
  readonly words: string[];
  readonly keeper: Ref<KeeperProtocol> | undefined;
}

export interface CounterDeps {
  readonly keeper?: Ref<KeeperProtocol>;
}

export const counter: Behavior<CounterProtocol, CounterEvents, CounterDeps, State> = {
  name: "counter",
  init: ({ keeper }) => ({ total: 0, words: [], keeper }),
  handlers: {
    add: (state, { by }, ctx) => {
      state.total += by;
      ctx.publish("counted", { total: state.total });
      return ok(state.total);
    },
    note: ({ words }, { word }) => {
      words.push(word);
    },
    words: ({ words }) => ok([...words]),
    fetch: ({ keeper }, { key }, ctx) => {
      keeper?.cast("touch", { key });
      return ctx.later(
        async (task) => await keeper?.call("find", { key }, { timeoutMs: 1000, within: task }),
        (_state, found) => (found?.ok ? ok(found.value) : fail({ code: "counter.unknown" })),
      );
    },
    poison: () => {
      throw new Defect("poison");
    },
  },
};
