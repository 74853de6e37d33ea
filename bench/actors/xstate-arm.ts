/** What both arms of xstate share: its actors run on the stack of whoever sends, and a call carries its own answer. */
import { type AnyActorLogic, createActor } from "xstate";
import { type Arm, inFlight } from "#bench/actors/arm.ts";

export interface Added {
  readonly type: "add";
  readonly amount: number;
  readonly reply?: (sum: number) => void;
}

export interface Logic {
  readonly counter: AnyActorLogic;
  /** Of a counter's snapshot. */
  readonly sumOf: (snapshot: unknown) => number;
}

const told: Added = { type: "add", amount: 1 };

export function xstateArm({ counter, sumOf }: Logic): Arm {
  const start = () => createActor(counter).start();
  type Counter = ReturnType<typeof start>;
  const ask = (asked: Counter): Promise<number> =>
    new Promise((reply) => asked.send({ type: "add", amount: 1, reply } satisfies Added));
  const finish = (counted: Counter): number => {
    const sum = sumOf(counted.getSnapshot());
    counted.stop();
    return sum;
  };
  return {
    works: {
      "call-sequential": async () => async (count) => {
        const asked = start();
        for (let left = count; left > 0; left -= 1) await ask(asked);
        return finish(asked);
      },

      "call-64": async () => async (count) => {
        const asked = start();
        await inFlight(count, () => ask(asked));
        return finish(asked);
      },

      cast: async () => async (count) => {
        const heard = start();
        for (let left = count; left > 0; left -= 1) heard.send(told);
        return finish(heard);
      },

      spawn: async () => async (count) => {
        let stopped = 0;
        const complete = (): void => {
          stopped += 1;
        };
        for (let left = count; left > 0; left -= 1) {
          const actor = createActor(counter);
          actor.subscribe({ complete });
          actor.start().stop();
        }
        return stopped;
      },
    },

    populate: async (count) => {
      const counters = Array.from({ length: count }, start);
      return {
        wake: async () => {
          for (const woken of counters) woken.send(told);
          return counters.reduce((handled, woken) => handled + sumOf(woken.getSnapshot()), 0);
        },
      };
    },
  };
}
