/**
 * Work that an actor waits for without holding its mailbox: a task in flight and the turn that settles it.
 */
import type { Incarnation } from "#runtime/incarnation.ts";
import type { Message } from "#runtime/message.ts";
import type { PendingCall } from "#runtime/pending-call.ts";
import type { Trace, Within } from "#runtime/ref.ts";
import type { Place } from "#runtime/roster.ts";

/** What `ctx.later` gives a handler to return. One value serves all: it only says "the answer comes later". */
export class LaterToken {
  readonly later = true as const;
}

export const LATER: LaterToken = new LaterToken();

/** Work that an incarnation does for nobody in particular: it is wanted for as long as that lives. */
export class OwnWork implements Within {
  readonly deadlineMs: number = Number.POSITIVE_INFINITY;
  readonly trace: undefined;
  readonly #incarnation: Incarnation;

  constructor(incarnation: Incarnation) {
    this.#incarnation = incarnation;
  }

  get signal(): AbortSignal {
    return this.#incarnation.signal;
  }
}

/** A task in flight: what it may know (`Within`), and whom its settle answers. */
export class TaskSlot implements Within {
  /** That of the turn which began it; none where that was a timer or a DOWN. */
  readonly message: Message | undefined;
  readonly #incarnation: Incarnation;
  /** Settles when the task has, whatever became of its incarnation. */
  settled: Promise<void> = Promise.resolve();
  /** Among the tasks of the incarnation. */
  place: Place<TaskSlot> | undefined;

  constructor(message: Message | undefined, incarnation: Incarnation) {
    this.message = message;
    this.#incarnation = incarnation;
  }

  get deadlineMs(): number {
    return this.stable.deadlineMs;
  }

  get signal(): AbortSignal {
    return this.stable.signal;
  }

  get trace(): Trace | undefined {
    return this.stable.trace;
  }

  /** The call that it works for: not one that was answered without waiting for it, or went to another life. */
  get stable(): PendingCall | OwnWork {
    const call = this.message?.call;
    const isOver = call === undefined || call.hasReply || this.#incarnation.hasEnded;
    return isOver ? this.#incarnation.ownWork : call;
  }
}
