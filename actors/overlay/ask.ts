/**
 * Asking the actors below: what did not run is asked once more, and what the runtime answers in their place becomes
 * `overlay.unavailable`. Their own failures pass through as they are.
 */
import type { OverlayConfig } from "#actors/overlay/config.ts";
import type { OverlayUnavailable } from "#actors/overlay/protocol.ts";
import type { ConfigView } from "#runtime/actor-module.ts";
import { type CallFailure, isCallFailure } from "#runtime/call-failure.ts";
import type { Clock } from "#runtime/clock.ts";
import { assert, type Failure, fail, type Result } from "#runtime/errors.ts";
import { pause } from "#runtime/pause.ts";
import type { Random } from "#runtime/random.ts";
import type { CallOptions, Within } from "#runtime/ref.ts";

export interface AskSeams {
  readonly config: ConfigView<OverlayConfig>;
  readonly clock: Clock;
  readonly random: Random;
}

/** What an actor itself answers. */
type Own<Any extends Failure> = Exclude<Any, CallFailure>;

/** `mayRepeat` is asked only about a call that did not run; the signal ends the pause before the repetition. */
export async function ask<Value, Any extends Failure>(
  seams: AskSeams,
  within: Pick<Within, "signal">,
  attempt: () => Promise<Result<Value, Any>>,
  mayRepeat: () => boolean = () => true,
): Promise<Result<Value, Own<Any> | OverlayUnavailable>> {
  let result = await attempt();
  // Most calls never need their signal, which is made for who asks for it.
  if (!result.ok && isNotRun(result.failure) && mayRepeat() && !within.signal.aborted) {
    const { config, clock, random } = seams;
    await pause(clock, random.below(Math.floor(config.current.retryPauseMsMax) + 1), within.signal);
    result = await attempt();
  }
  if (result.ok) return result;
  const { failure } = result;
  if (isOwn(failure)) return { ok: false, failure };
  assert(isCallFailure(failure), "a failure is the callee's own or the runtime's");
  return fail(unavailable(failure));
}

/** Of one call to an actor below. */
export function optionsOf({ config }: Pick<AskSeams, "config">, within: Within): CallOptions {
  return { timeoutMs: config.current.callTimeoutMs, within, whenFull: "wait" };
}

export function unavailable({ code, executed }: CallFailure): OverlayUnavailable {
  return { code: "overlay.unavailable", cause: code, executed };
}

function isOwn<Any extends Failure>(failure: Any): failure is Own<Any> {
  return !isCallFailure(failure);
}

function isNotRun(failure: Failure): boolean {
  return isCallFailure(failure) && failure.executed === "no";
}
