/** nact: unbounded mailboxes, a macrotask for each message. A call is a `query`, a cast a `dispatch`. */
import { setImmediate as macrotask } from "node:timers/promises";
import { type Arm, burstsOf, IN_FLIGHT, inFlight, type Run } from "#bench/actors/arm.ts";
import { patient } from "#bench/actors/counter.ts";
import { importPeer } from "#bench/peer-package.ts";

interface Reference {
  readonly name: string;
}

interface Added {
  readonly amount: number;
  readonly sender?: Reference;
}

interface Properties {
  readonly initialState: number;
  readonly afterStop?: () => void;
}

interface Nact {
  start(): Reference;
  spawn(
    parent: Reference,
    handle: (sum: number, message: Added) => number,
    name: string,
    properties: Properties,
  ): Reference;
  stop(actor: Reference): void;
  dispatch(actor: Reference, message: unknown): void;
  query(actor: Reference, message: (sender: Reference) => Added, timeoutMs: number): Promise<number>;
}

const { start, spawn, stop, dispatch, query } = await importPeer<Nact>("nact");
const system = start();
const one = { amount: 1 };

export const arm: Arm = {
  works: {
    "call-sequential": () =>
      withCounter(async (counter, count) => {
        for (let left = count; left > 0; left -= 1) await add(counter, 1);
      }),

    "call-64": () => withCounter((counter, count) => inFlight(count, () => add(counter, 1))),

    cast: () =>
      withCounter(async (counter, count) => {
        for (const burst of burstsOf(count)) {
          for (let left = burst; left > 0; left -= 1) dispatch(counter, one);
          await add(counter, 0);
        }
      }),

    spawn: async () => async (count) => {
      let stopped = 0;
      const afterStop = (): void => {
        stopped += 1;
      };
      for (let begun = 0; begun < count; begun += IN_FLIGHT) {
        const actors = Array.from({ length: IN_FLIGHT }, (_, index) =>
          spawn(system, handle, `mortal-${index}`, { initialState: 0, afterStop }),
        );
        for (const actor of actors) stop(actor);
        await macrotask();
      }
      return stopped;
    },
  },

  populate: async (count) => {
    const counters: Reference[] = [];
    for (let index = 0; index < count; index += 1) counters.push(spawnCounter(`counter-${index}`));
    return {
      wake: async () => {
        let handled = 0;
        for (const counter of counters) handled += await add(counter, 1);
        return handled;
      },
    };
  },
};

async function withCounter(work: (counter: Reference, count: number) => Promise<void>): Promise<Run> {
  const counter = spawnCounter("counter");
  return async (count) => {
    const before = await add(counter, 0);
    await work(counter, count);
    return (await add(counter, 0)) - before;
  };
}

function spawnCounter(name: string): Reference {
  return spawn(system, handle, name, { initialState: 0 });
}

function handle(sum: number, { amount, sender }: Added): number {
  if (sender !== undefined) dispatch(sender, sum + amount);
  return sum + amount;
}

function add(counter: Reference, amount: number): Promise<number> {
  return query(counter, (sender) => ({ amount, sender }), patient.timeoutMs);
}
