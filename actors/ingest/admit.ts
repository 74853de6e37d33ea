/** Asks auth what tokens are good for: once each, in parts that one message holds. */
import type { Admission, AuthProtocol } from "#actors/auth/protocol.ts";
import { type Failure, ok, type Result } from "#runtime/errors.ts";
import type { Ref, Within } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

/** Tokens that auth is asked about at once. */
export const TOKENS_ASKED_MAX = 256;
/** Longest wait for an answer to them. */
export const ADMIT_MS_MAX: number = 10 * second;

type Admit = (tokens: readonly string[], within: Within) => Promise<Result<readonly Admission[], Failure>>;

export function admitBy(auth: Ref<AuthProtocol>): Admit {
  return async (tokens, within) => {
    const admissions: Admission[] = [];
    for (let at = 0; at < tokens.length; at += TOKENS_ASKED_MAX) {
      const part = tokens.slice(at, at + TOKENS_ASKED_MAX);
      const asked = await auth.call("admit", { tokens: part }, { timeoutMs: ADMIT_MS_MAX, within, whenFull: "wait" });
      if (!asked.ok) return asked;
      admissions.push(...asked.value);
    }
    return ok(admissions);
  };
}
