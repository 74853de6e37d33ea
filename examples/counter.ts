/**
 * A counter that crashes on poison and is restarted: `node_modules/.bin/node examples/counter.ts`.
 *
 * Watch: the ref that was taken once serves both lives; the call in hand fails with `executed: "maybe"`, the one behind
 * it is answered by the next life, which begins at zero; whoever monitors hears exactly one DOWN.
 */
import { type Behavior, type Call, Defect, ok } from "cepa/runtime";
import { startSystem, worker } from "cepa/supervisor";

interface CounterProtocol {
  /** Adds `amount` and answers with the sum. */
  add: Call<{ readonly amount: number }, number>;
}

interface Counter {
  value: number;
}

const counter: Behavior<CounterProtocol, Record<never, never>, undefined, Counter> = {
  name: "counter",
  init: () => ({ value: 0 }),
  handlers: {
    add: (state, { amount }) => {
      // A bug. Nothing here catches it: state that broke an invariant is not worth saving.
      if (Number.isNaN(amount)) throw new Defect("the sum is a number");
      state.value += amount;
      return ok(state.value);
    },
  },
};

const system = await startSystem({ name: "example", children: [worker({ behavior: counter })] });
const ref = system.ref(counter);
const events = system.bus.subscribe();
ref.monitor(({ actor, incarnation, reason }) => console.log(`DOWN ${actor} ${incarnation} ${reason}`));

const add = async (amount: number): Promise<void> => {
  const answer = await ref.call("add", { amount }, { timeoutMs: 5000 });
  console.log(`add ${amount}:`, answer.ok ? answer.value : answer.failure);
};
await add(1);
await add(2);
await Promise.all([add(Number.NaN), add(4)]);

for (let next = events.take(); next !== undefined; next = events.take()) console.log(next.event.type);
console.log(system.status().map(({ name, state, restarts }) => `${name} ${state}, ${restarts} restart`));
console.log(await system.stop());
