/** Why a life of an actor did not begin. */
import type { Failure } from "#runtime/errors.ts";

/** `init` threw, or `stop` came before it was done. It is an ordinary exit with a reason: the supervisor decides. */
export interface StartFailed extends Failure<"runtime.start-failed"> {
  readonly actor: string;
  readonly reason: string;
}

/** The last incarnation did not end clean (`Actor.stop`): nothing may start beside what may be left of it. */
export interface NotClosed extends Failure<"runtime.not-closed"> {
  readonly actor: string;
  readonly shutdownMs: number;
}
