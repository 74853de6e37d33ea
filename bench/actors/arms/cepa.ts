/** Cepa: bounded mailboxes, a deadline on every call, the machine that a cell has. */
import { type Arm, burstsOf, inFlight, MAILBOX_CAPACITY, type Run } from "#bench/actors/arm.ts";
import { cepaMachine, hostActor } from "#bench/actors/cepa-machine.ts";
import { type CounterProtocol, counter, patient, sumOf } from "#bench/actors/counter.ts";
import { startFarCounter } from "#bench/actors/far-counter.ts";
import type { Behavior } from "#runtime/behavior.ts";
import type { Ref } from "#runtime/ref.ts";

const one = { amount: 1 };
const capacity = MAILBOX_CAPACITY;

export const arm: Arm = {
  works: {
    "call-sequential": () =>
      withCounter(async (ref, count) => {
        for (let left = count; left > 0; left -= 1) await ref.call("add", one, patient);
      }),

    "call-64": () => withCounter((ref, count) => inFlight(count, () => ref.call("add", one, patient))),

    cast: () =>
      withCounter(async (ref, count) => {
        for (const burst of burstsOf(count)) {
          for (let left = burst; left > 0; left -= 1) ref.cast("tell", one);
          await sumOf(ref);
        }
      }),

    spawn: async () => {
      const machine = cepaMachine();
      return async (count) => {
        let stopped = 0;
        const mortal: Behavior<Record<never, never>, Record<never, never>, undefined, undefined> = {
          name: "mortal",
          init: () => undefined,
          handlers: {},
          terminate: () => {
            stopped += 1;
          },
        };
        await inFlight(count, async () => {
          const actor = hostActor(machine, mortal, { capacity });
          await actor.start();
          await actor.stop();
        });
        return stopped;
      };
    },

    "link-call-64": async () => {
      const ref = await startFarCounter();
      const carrying = { amount: 1, carried: new Uint8Array(64) };
      return counted(ref, (count) => inFlight(count, () => ref.call("add", carrying, patient)));
    },
  },

  populate: async (count) => {
    const machine = cepaMachine();
    const refs: Ref<CounterProtocol>[] = [];
    for (let index = 0; index < count; index += 1) {
      const actor = hostActor(machine, counter, { name: `counter-${index}`, capacity });
      await actor.start();
      refs.push(actor.ref);
    }
    return {
      wake: async () => {
        let handled = 0;
        for (const ref of refs) {
          await ref.call("add", one, patient);
          handled += await sumOf(ref);
        }
        return handled;
      },
    };
  },
};

async function withCounter(work: (ref: Ref<CounterProtocol>, count: number) => Promise<void>): Promise<Run> {
  const hosted = hostActor(cepaMachine(), counter, { capacity });
  await hosted.start();
  return counted(hosted.ref, (count) => work(hosted.ref, count));
}

function counted(ref: Ref<CounterProtocol>, work: (count: number) => Promise<void>): Run {
  return async (count) => {
    const before = await sumOf(ref);
    await work(count);
    return (await sumOf(ref)) - before;
  };
}
