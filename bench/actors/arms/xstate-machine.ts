/** xstate as it is mostly used: a machine, with its context assigned by an action. */
import { assign, createMachine } from "xstate";
import type { Arm } from "#bench/actors/arm.ts";
import { type Added, xstateArm } from "#bench/actors/xstate-arm.ts";

interface Counter {
  readonly sum: number;
}

const counter = createMachine({
  types: { context: {} as Counter, events: {} as Added },
  context: { sum: 0 },
  on: {
    add: {
      actions: [
        assign({ sum: ({ context, event }) => context.sum + event.amount }),
        ({ context, event }) => event.reply?.(context.sum),
      ],
    },
  },
});

export const arm: Arm = xstateArm({
  counter,
  sumOf: (snapshot) => (snapshot as { readonly context: Counter }).context.sum,
});
