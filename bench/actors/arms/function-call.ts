/** No actor at all: what JavaScript itself takes. Calls answer with a promise, as every actor's must. */
import { type Arm, inFlight } from "#bench/actors/arm.ts";

interface Counter {
  sum: number;
  add(request: { readonly amount: number }): Promise<number>;
  tell(request: { readonly amount: number }): void;
}

const one = { amount: 1 };

export const arm: Arm = {
  works: {
    "call-sequential": async () => async (count) => {
      const counter = createCounter();
      for (let left = count; left > 0; left -= 1) await counter.add(one);
      return counter.sum;
    },

    "call-64": async () => async (count) => {
      const counter = createCounter();
      await inFlight(count, () => counter.add(one));
      return counter.sum;
    },

    cast: async () => async (count) => {
      const counter = createCounter();
      for (let left = count; left > 0; left -= 1) counter.tell(one);
      return counter.sum;
    },
  },
};

function createCounter(): Counter {
  return {
    sum: 0,
    async add({ amount }) {
      this.sum += amount;
      return this.sum;
    },
    tell({ amount }) {
      this.sum += amount;
    },
  };
}
