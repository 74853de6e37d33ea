/**
 * Work that can be called off, with the calls that are made on its behalf.
 *
 * Most of it never has a signal: signals and their listeners cost more than a call, so they are made for those who ask.
 */
import type { PendingCall } from "#runtime/pending-call.ts";
import type { Trace, Within } from "#runtime/ref.ts";

export class Cancellation {
  #calls: Set<PendingCall> | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #isOff = false;

  get isOff(): boolean {
    return this.#isOff;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isOff) this.#controller.abort();
    return this.#controller.signal;
  }

  /** The calls on its behalf. Who leaves the set is not cancelled with it. */
  get calls(): Set<PendingCall> {
    this.#calls ??= new Set();
    return this.#calls;
  }

  /** Its signal alone: the calls go on. */
  abort(): void {
    this.#isOff = true;
    this.#controller?.abort();
  }

  callOff(): void {
    this.abort();
    if (this.#calls !== undefined) for (const call of this.#calls) call.cancel();
  }
}

/** Work without a deadline of its own: it ends by itself, or is called off. */
export class OpenWork extends Cancellation implements Within {
  readonly deadlineMs: number = Number.POSITIVE_INFINITY;
  readonly trace: Trace | undefined;

  constructor(trace?: Trace) {
    super();
    this.trace = trace;
  }
}

const callsOf = new WeakMap<AbortSignal, Set<PendingCall>>();

/** The same for work of which only a signal is known. One listener serves all of its calls. */
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
