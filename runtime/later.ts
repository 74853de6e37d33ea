/**
 * Work that an actor waits for without holding its mailbox: a task in flight and the turn that settles it.
 */
import type { CallFailure } from "#runtime/call-failure.ts";
import type { PendingCall } from "#runtime/pending-call.ts";
import type { Trace, Within } from "#runtime/ref.ts";

/** What `ctx.later` gives a handler to return. One value serves all: it only says "the answer comes later". */
export class LaterToken {
  readonly later = true as const;
}

export const LATER: LaterToken = new LaterToken();

/** A task in flight: what it may know (`Within`), and whom its settle answers. */
export class TaskSlot implements Within {
  readonly call: PendingCall | undefined;
  readonly #fallback: AbortSignal;
  /** Settles when the task has, whatever became of its incarnation. */
  settled: Promise<void> = Promise.resolve();

  constructor(call: PendingCall | undefined, incarnationSignal: AbortSignal) {
    this.call = call;
    this.#fallback = incarnationSignal;
  }

  get deadlineMs(): number {
    return this.call?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  get signal(): AbortSignal {
    return this.call?.signal ?? this.#fallback;
  }

  get trace(): Trace | undefined {
    return this.call?.trace;
  }

  /** The incarnation has ended: the caller learns it, the task is told to stop. */
  abandon(failure: CallFailure): void {
    this.call?.fail(failure);
  }
}
