/**
 * One call under way, from the caller's request to exactly one answer.
 *
 * Invariants:
 * - it is answered once; whatever comes later is ignored;
 * - its deadline is armed until then, and moves forward while a stream of the call progresses;
 * - when the caller has its answer without the callee, the callee's signal is aborted, every call made on behalf of this
 *   one is cancelled, and a request that still waits gives its place back.
 */
import type { Actor } from "#runtime/actor.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import type { CallFailure } from "#runtime/call-failure.ts";
import { Cancellation, callsUnder } from "#runtime/cancellation.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import type { Message } from "#runtime/message.ts";
import type { CallOptions, Trace, Within } from "#runtime/ref.ts";
import type { Place, Roster } from "#runtime/roster.ts";
import { Deadline } from "#runtime/wheel.ts";

/**
 * From this timeout on the time counts from where it was last read in this pass of the event loop: it can end early by as
 * long as a single piece of code has blocked the loop before the call.
 */
export const COARSE_TIMEOUT_MS_MIN = 1000;

type Answer = Result<unknown, Failure>;

const TIMED_OUT = { reason: "call-timeout" };
const EXPIRED = { reason: "expired" };

/** What ties a call to others. Most calls have none of it, and a call is made per message: so it is apart. */
interface Ties {
  readonly caller: Within | undefined;
  /** The calls on behalf of the same caller, this one among them. */
  readonly siblings: Roster<PendingCall> | undefined;
  /** Its own among them. */
  readonly place: Place<PendingCall> | undefined;
  /** Made for the first call on behalf of this one, and for whoever asks for its signal. */
  cancellation: Cancellation | undefined;
  /** The source that came with the request: it ends with the call. */
  borrowed: ByteSource | undefined;
}

export class PendingCall extends Deadline implements Within, Message {
  readonly name: string;
  entered = 0;
  /** Set when a handler begins: from then on the request may have had effects. */
  begun = false;
  answered = false;
  /** The callee had its say. */
  hasReply = false;
  /** Kept by the mailbox: it stands in one of its lines. */
  isQueued = false;
  #request: unknown;
  readonly #actor: Actor;
  readonly #timeoutMs: number;
  readonly #resolve: (answer: Answer) => void;
  #ties: Ties | undefined;

  constructor(actor: Actor, name: string, request: unknown, options: CallOptions, resolve: (answer: Answer) => void) {
    super();
    this.name = name;
    this.#request = request;
    this.#actor = actor;
    this.#timeoutMs = options.timeoutMs;
    this.#resolve = resolve;
    this.#ties = options.within === undefined ? undefined : this.#tiesTo(options.within);
    actor.machine.wheel.arm(this, this.#latestMs());
  }

  get call(): this {
    return this;
  }

  get request(): unknown {
    return this.#request;
  }

  get trace(): Trace | undefined {
    return this.#ties?.caller?.trace;
  }

  get deadlineMs(): number {
    return this.dueMs;
  }

  get signal(): AbortSignal {
    const cancellation = this.#cancellation();
    if (this.answered) cancellation.abort();
    return cancellation.signal;
  }

  get hasSource(): boolean {
    return this.#ties?.borrowed !== undefined;
  }

  /** The request lends `source`; `request` is the one with it in place. */
  borrow(source: ByteSource, request: unknown): void {
    this.#tied().borrowed = source;
    this.#request = request;
  }

  /** A stream of this call moved: the wait without progress starts anew. The caller's own deadline stays the bound. */
  progressed(): void {
    if (!this.answered) this.dueMs = Math.max(this.dueMs, Math.ceil(this.#latestMs()));
  }

  /** What the callee says. */
  reply(answer: Answer): void {
    if (this.answered) return;
    this.hasReply = true;
    this.#answer(answer);
  }

  #answer(answer: Answer): void {
    this.answered = true;
    this.#actor.machine.wheel.disarm(this);
    this.#resolve(answer);
    const ties = this.#ties;
    if (ties !== undefined) {
      if (ties.place !== undefined) ties.siblings?.leave(ties.place);
      if (this.begun) ties.borrowed?.cancel({ code: "runtime.call-ended" });
    }
    if (this.isQueued) {
      this.#request = undefined;
      this.#actor.onCallLeft(this);
    }
  }

  fail(failure: CallFailure): void {
    if (this.answered) return;
    this.#answer(fail(failure));
    this.abort();
  }

  /** What is still being done for this call is not wanted any more. */
  abort(): void {
    this.#ties?.cancellation?.callOff();
  }

  /** The life that had it in hand has ended, and another one will have it: what that one still does for it is called off. */
  handOver(): void {
    const ties = this.#ties;
    if (ties === undefined) return;
    ties.cancellation?.callOff();
    ties.cancellation = undefined;
  }

  /** The caller gave up. */
  cancel(): void {
    this.fail({ code: "runtime.cancelled", actor: this.#actor.name, executed: this.begun ? "maybe" : "no" });
  }

  override onDue(): void {
    this.expire();
  }

  /** The deadline has passed. */
  expire(): void {
    if (this.answered) return;
    const { name, machine } = this.#actor;
    machine.rejected.add(1, this.begun ? TIMED_OUT : EXPIRED);
    if (this.begun) this.fail({ code: "runtime.call-timeout", actor: name, executed: "maybe" });
    else this.fail({ code: "runtime.expired", actor: name, executed: "no" });
  }

  /** The caller's deadline is read anew each time: it moves with the same stream. */
  #latestMs(): number {
    const { clock } = this.#actor.machine;
    // A short time counts from now, exactly: the recent time is late by as long as whoever calls has blocked the loop.
    const nowMs = this.#timeoutMs < COARSE_TIMEOUT_MS_MIN ? clock.nowMs() : clock.recentMs();
    const ownMs = nowMs + this.#timeoutMs;
    const caller = this.#ties?.caller;
    return caller === undefined ? ownMs : Math.min(ownMs, caller.deadlineMs);
  }

  #tied(): Ties {
    this.#ties ??= tie(undefined, undefined, undefined);
    return this.#ties;
  }

  #cancellation(): Cancellation {
    const ties = this.#tied();
    ties.cancellation ??= new Cancellation();
    return ties.cancellation;
  }

  #tiesTo(within: Within): Ties {
    const caller = within.stable ?? within;
    const siblings = PendingCall.#callsOf(caller);
    return tie(caller, siblings, siblings.enter(this));
  }

  static #callsOf(caller: Within): Roster<PendingCall> {
    if (caller instanceof PendingCall) return caller.#cancellation().calls;
    return caller instanceof Cancellation ? caller.calls : callsUnder(caller.signal);
  }
}

function tie(
  caller: Within | undefined,
  siblings: Roster<PendingCall> | undefined,
  place: Place<PendingCall> | undefined,
): Ties {
  return { caller, siblings, place, cancellation: undefined, borrowed: undefined };
}

/** Whether that which a call would be made for is not wanted any more. */
export function isOver(caller: Within): boolean {
  if (caller instanceof PendingCall) return caller.answered;
  return caller instanceof Cancellation ? caller.isOff : caller.signal.aborted;
}
