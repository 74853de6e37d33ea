/**
 * Calls that end when the signal of their caller aborts.
 *
 * One listener serves all calls of a signal: adding and removing one for each would cost more than the call.
 */
import type { PendingCall } from "#runtime/pending-call.ts";

const callsOf = new WeakMap<AbortSignal, Set<PendingCall>>();

/** Where the calls on behalf of this signal's owner are kept; whoever leaves the set is not cancelled. */
export function callsUnder(signal: AbortSignal): Set<PendingCall> {
  const known = callsOf.get(signal);
  if (known !== undefined) return known;
  const calls = new Set<PendingCall>();
  callsOf.set(signal, calls);
  const cancelAll = (): void => {
    for (const call of calls) call.cancel();
  };
  signal.addEventListener("abort", cancelAll, { once: true });
  return calls;
}
