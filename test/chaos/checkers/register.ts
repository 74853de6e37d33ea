/** A register that is read, written, and compared and set: what the checkers of linearizability are tried with. */
import type { Operation, Outcome } from "#chaos/checkers/operation.ts";
import type { SequentialModel } from "#chaos/checkers/sequential-model.ts";

export type RegisterAsked =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly value: number }
  | { readonly kind: "swap"; readonly from: number; readonly to: number };

/** What was read; of a swap whether it was made. A write is only done. */
export type RegisterAnswer = number | boolean;

export type RegisterOperation = Operation<RegisterAsked, RegisterAnswer>;

export const register: SequentialModel<number, RegisterAsked, RegisterAnswer> = {
  initial: 0,
  step: (state, asked, outcome) => {
    const answer = outcome.kind === "ok" ? outcome.answer : undefined;
    switch (asked.kind) {
      case "read":
        return answer === undefined || answer === state ? state : undefined;
      case "write":
        return asked.value;
      case "swap": {
        const isMade = state === asked.from;
        // Of one that is unknown only the effect counts, and without one it need not be placed.
        if ((answer ?? true) !== isMade) return undefined;
        return isMade ? asked.to : state;
      }
    }
  },
  isRead: ({ kind }, outcome) => kind === "read" || (outcome.kind === "ok" && outcome.answer === false),
  keyOf: String,
  tell: (asked, outcome) => `${JSON.stringify(asked)} → ${JSON.stringify(outcome)}`,
  tellState: String,
};

/** `at` is call and return; without a return it is unknown, and open. */
export function operation(
  client: string,
  at: readonly [invokedAt: number, returnedAt?: number],
  asked: RegisterAsked,
  outcome: Outcome<RegisterAnswer> = { kind: "unknown" },
  key = "k",
): RegisterOperation {
  const [invokedAt, returnedAt = Number.POSITIVE_INFINITY] = at;
  return { key, client, asked, outcome, invokedAt, returnedAt };
}

export const ok = (answer: RegisterAnswer): Outcome<RegisterAnswer> => ({ kind: "ok", answer });
export const read: RegisterAsked = { kind: "read" };
export const write = (value: number): RegisterAsked => ({ kind: "write", value });
export const swap = (from: number, to: number): RegisterAsked => ({ kind: "swap", from, to });
