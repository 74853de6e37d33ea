/** xstate at its barest: the logic of an actor is one function (`fromTransition`), without a machine. */
import { fromTransition } from "xstate";
import type { Arm } from "#bench/actors/arm.ts";
import { type Added, xstateArm } from "#bench/actors/xstate-arm.ts";

const counter = fromTransition((sum: number, { amount, reply }: Added) => {
  reply?.(sum + amount);
  return sum + amount;
}, 0);

export const arm: Arm = xstateArm({
  counter,
  sumOf: (snapshot) => (snapshot as { readonly context: number }).context,
});
