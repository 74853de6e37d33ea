/** Node's own EventEmitter: synchronous, without a mailbox. A call is an event with a function to answer by. */
import { EventEmitter } from "node:events";
import { type Arm, inFlight } from "#bench/actors/arm.ts";

interface Events {
  add: [request: { readonly amount: number }, reply: (sum: number) => void];
  tell: [request: { readonly amount: number }];
}

interface Counter {
  readonly emitter: EventEmitter<Events>;
  sum: number;
}

const one = { amount: 1 };

export const arm: Arm = {
  works: {
    "call-sequential": async () => async (count) => {
      const counter = createCounter();
      for (let left = count; left > 0; left -= 1) await ask(counter);
      return counter.sum;
    },

    "call-64": async () => async (count) => {
      const counter = createCounter();
      await inFlight(count, () => ask(counter));
      return counter.sum;
    },

    cast: async () => async (count) => {
      const counter = createCounter();
      for (let left = count; left > 0; left -= 1) counter.emitter.emit("tell", one);
      return counter.sum;
    },
  },
};

function createCounter(): Counter {
  const counter: Counter = { emitter: new EventEmitter<Events>(), sum: 0 };
  counter.emitter.on("add", ({ amount }, reply) => {
    counter.sum += amount;
    reply(counter.sum);
  });
  counter.emitter.on("tell", ({ amount }) => {
    counter.sum += amount;
  });
  return counter;
}

function ask({ emitter }: Counter): Promise<number> {
  return new Promise((resolve) => emitter.emit("add", one, resolve));
}
