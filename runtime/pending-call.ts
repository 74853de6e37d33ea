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
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import type { Message } from "#runtime/message.ts";
import type { CallOptions, Trace, Within } from "#runtime/ref.ts";
import { Deadline } from "#runtime/wheel.ts";

type Answer = Result<unknown, Failure>;

/** What ties a call to others. Most calls have none of it, and a call is made per message: so it is apart. */
interface Ties {
  readonly caller: Within | undefined;
  /** Ends the caller's knowledge of this call. */
  leaveCaller: (() => void) | undefined;
  /** Calls made on behalf of this one. */
  children: Set<PendingCall> | undefined;
  /** Made when somebody asks for the signal. */
  controller: AbortController | undefined;
  /** The source that came with the request: it ends with the call. */
  borrowed: ByteSource | undefined;
}

export class PendingCall extends Deadline implements Within, Message {
  readonly name: string;
  entered = 0;
  /** Set when a handler begins: from then on the request may have had effects. */
  begun = false;
  answered = false;
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
    if (options.within !== undefined) this.#join(options.within);
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
    const ties = this.#tied();
    if (ties.controller === undefined) {
      ties.controller = new AbortController();
      if (this.answered) ties.controller.abort();
    }
    return ties.controller.signal;
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

  answer(answer: Answer): void {
    if (this.answered) return;
    this.answered = true;
    this.#actor.machine.wheel.disarm(this);
    this.#resolve(answer);
    const ties = this.#ties;
    if (ties !== undefined) {
      ties.leaveCaller?.();
      if (this.begun) ties.borrowed?.cancel({ code: "runtime.call-ended" });
    }
    if (this.isQueued) {
      this.#request = undefined;
      this.#actor.onCallLeft();
    }
  }

  fail(failure: CallFailure): void {
    if (this.answered) return;
    this.answer(fail(failure));
    const ties = this.#ties;
    if (ties === undefined) return;
    ties.controller?.abort();
    if (ties.children !== undefined) for (const child of ties.children) child.cancel();
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
    machine.rejected.add(1, { reason: this.begun ? "call-timeout" : "expired" });
    if (this.begun) this.fail({ code: "runtime.call-timeout", actor: name, executed: "maybe" });
    else this.fail({ code: "runtime.expired", actor: name, executed: "no" });
  }

  /** The caller's deadline is read anew each time: it moves with the same stream. */
  #latestMs(): number {
    const ownMs = this.#actor.machine.clock.recentMs() + this.#timeoutMs;
    const caller = this.#ties?.caller;
    return caller === undefined ? ownMs : Math.min(ownMs, caller.deadlineMs);
  }

  #tied(): Ties {
    this.#ties ??= tie(undefined);
    return this.#ties;
  }

  /** A caller that is itself a call of this cell tells its children; any other one has a signal. */
  #join(within: Within): void {
    const caller = within.stable ?? within;
    const ties = tie(caller);
    this.#ties = ties;
    if (caller instanceof PendingCall) {
      const above = caller.#tied();
      above.children ??= new Set();
      const siblings = above.children.add(this);
      ties.leaveCaller = () => siblings.delete(this);
      return;
    }
    const { signal } = caller;
    const cancel = (): void => this.cancel();
    signal.addEventListener("abort", cancel);
    ties.leaveCaller = () => signal.removeEventListener("abort", cancel);
  }
}

function tie(caller: Within | undefined): Ties {
  return { caller, leaveCaller: undefined, children: undefined, controller: undefined, borrowed: undefined };
}
