/**
 * Work that can be called off, with the calls that are made on its behalf.
 *
 * Most of it never has a signal: signals and their listeners cost more than a call, so they are made for those who ask.
 */
import type { PendingCall } from "#runtime/pending-call.ts";
import type { Trace, Within } from "#runtime/ref.ts";
import { Roster } from "#runtime/roster.ts";

export class Cancellation {
  #calls: Roster<PendingCall> | undefined = undefined;
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

  /** The calls on its behalf. Who leaves them is not cancelled with it. */
  get calls(): Roster<PendingCall> {
    this.#calls ??= new Roster();
    return this.#calls;
  }

  /** Its signal alone: the calls go on. */
  abort(): void {
    this.#isOff = true;
    this.#controller?.abort();
  }

  callOff(): void {
    this.abort();
    if (this.#calls !== undefined) cancelAll(this.#calls);
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

const callsOf = new WeakMap<AbortSignal, Roster<PendingCall>>();

/** The same for work of which only a signal is known. One listener serves all of its calls. */
export function callsUnder(signal: AbortSignal): Roster<PendingCall> {
  const known = callsOf.get(signal);
  if (known !== undefined) return known;
  const calls = new Roster<PendingCall>();
  callsOf.set(signal, calls);
  signal.addEventListener("abort", () => cancelAll(calls), { once: true });
  return calls;
}

function cancelAll(calls: Roster<PendingCall>): void {
  for (let call = calls.shift(); call !== undefined; call = calls.shift()) call.cancel();
}
