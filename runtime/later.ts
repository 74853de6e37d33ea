/**
 * Work that an actor waits for without holding its mailbox: a task in flight and the turn that settles it.
 */
import type { Incarnation } from "#runtime/incarnation.ts";
import type { Message } from "#runtime/message.ts";
import type { Trace, Within } from "#runtime/ref.ts";

/** What `ctx.later` gives a handler to return. One value serves all: it only says "the answer comes later". */
export class LaterToken {
  readonly later = true as const;
}

export const LATER: LaterToken = new LaterToken();

/** A task in flight: what it may know (`Within`), and whom its settle answers. */
export class TaskSlot implements Within {
  /** That of the turn which began it; none where that was a timer or a DOWN. */
  readonly message: Message | undefined;
  readonly #incarnation: Incarnation;
  /** Settles when the task has, whatever became of its incarnation. */
  settled: Promise<void> = Promise.resolve();

  constructor(message: Message | undefined, incarnation: Incarnation) {
    this.message = message;
    this.#incarnation = incarnation;
  }

  get deadlineMs(): number {
    return this.message?.call?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  get signal(): AbortSignal {
    return this.message?.call?.signal ?? this.#incarnation.signal;
  }

  get trace(): Trace | undefined {
    return this.message?.call?.trace;
  }

  get stable(): Within | undefined {
    return this.message?.call;
  }
}
