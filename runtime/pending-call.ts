/**
 * One call under way, from the caller's request to exactly one answer.
 *
 * Invariants:
 * - it is answered once; whatever comes later is ignored;
 * - its deadline is armed until then, and moves forward while a stream of the call progresses;
 * - the callee's signal is aborted when the caller has its answer without the callee.
 */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { CallFailure } from "#runtime/call-failure.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import type { Machine } from "#runtime/machine.ts";
import type { CallOptions, Trace, Within } from "#runtime/ref.ts";
import { Deadline } from "#runtime/wheel.ts";

type Answer = Result<unknown, Failure>;

export class PendingCall extends Deadline implements Within {
  readonly actor: string;
  readonly trace: Trace | undefined;
  /** Set when a handler begins: from then on the request may have had effects. */
  begun = false;
  answered = false;
  readonly #machine: Machine;
  readonly #timeoutMs: number;
  readonly #resolve: (answer: Answer) => void;
  readonly #caller: Within | undefined;
  readonly #callerSignal: AbortSignal | undefined;
  /** Made when somebody asks: most handlers never do. */
  #controller: AbortController | undefined;
  /** The source that came with the request: it ends with the call. */
  #borrowed: ByteSource | undefined;

  constructor(actor: string, machine: Machine, options: CallOptions, resolve: (answer: Answer) => void) {
    super();
    const caller = options.within?.stable ?? options.within;
    this.actor = actor;
    this.trace = caller?.trace;
    this.#machine = machine;
    this.#timeoutMs = options.timeoutMs;
    this.#resolve = resolve;
    this.#caller = caller;
    this.#callerSignal = caller?.signal;
    machine.wheel.arm(this, this.#latestMs());
    this.#callerSignal?.addEventListener("abort", this.#onCallerGone);
  }

  get deadlineMs(): number {
    return this.dueMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.answered) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  borrow(source: ByteSource): void {
    this.#borrowed = source;
  }

  /** A stream of this call moved: the wait without progress starts anew. The caller's own deadline stays the bound. */
  progressed(): void {
    if (!this.answered) this.dueMs = Math.max(this.dueMs, this.#latestMs());
  }

  answer(answer: Answer): void {
    if (this.answered) return;
    this.answered = true;
    this.#machine.wheel.disarm(this);
    this.#callerSignal?.removeEventListener("abort", this.#onCallerGone);
    this.#resolve(answer);
    if (this.begun) this.#borrowed?.cancel({ code: "runtime.call-ended" });
  }

  fail(failure: CallFailure): void {
    if (this.answered) return;
    this.answer(fail(failure));
    this.#controller?.abort();
  }

  override onDue(): void {
    const { actor } = this;
    if (this.begun) this.fail({ code: "runtime.call-timeout", actor, executed: "maybe" });
    else this.fail({ code: "runtime.expired", actor, executed: "no" });
  }

  /** The caller's deadline is read anew each time: it moves with the same stream. */
  #latestMs(): number {
    return Math.min(
      this.#machine.clock.nowMs() + this.#timeoutMs,
      this.#caller?.deadlineMs ?? Number.POSITIVE_INFINITY,
    );
  }

  readonly #onCallerGone = (): void => {
    this.fail({ code: "runtime.cancelled", actor: this.actor, executed: this.begun ? "maybe" : "no" });
  };
}
