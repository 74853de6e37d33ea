/**
 * A ref names a logical actor. It stays valid over every restart, and says nothing about where the actor runs.
 */
import type { CallFailure } from "#runtime/call-failure.ts";
import type { Result } from "#runtime/errors.ts";
import type { CallName, CastName, FailureOf, Protocol, ReplyOf, RequestOf } from "#runtime/protocol.ts";

/**
 * What a call inherits from the turn, task or HTTP request that makes it. A child call's deadline is
 * `min(own, remaining)`; it is cancelled with its parent; it belongs to the same trace.
 */
export interface Within {
  /** Monotonic milliseconds; `Infinity` where nothing limits. It moves forward while a stream progresses. */
  readonly deadlineMs: number;
  /** Aborted when the work is no longer wanted. */
  readonly signal: AbortSignal;
  /** Set only where the request is sampled. */
  readonly trace?: Trace | undefined;
  /** What to keep where this object itself describes whichever message is in hand (an actor's `ctx`). */
  readonly stable?: Within | undefined;
}

/** W3C trace context, in the form it travels. */
export interface Trace {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

/** How long, on whose behalf, and what to do when the mailbox is full. The timeout has no default. */
export interface CallOptions {
  /** Longest wait, ms. With a `ByteSource` in request or reply: longest wait *without progress* of that source. */
  readonly timeoutMs: number;
  /** The caller's context. Actors always pass their `ctx` or task; only the outermost caller has none. */
  readonly within?: Within | undefined;
  /** `wait` queues, first come first served, until the deadline: only for callers that hold an edge permit. */
  readonly whenFull?: "reject" | "wait" | undefined;
}

/** `accepted` means by the mailbox, over a link by the link; nothing says that the handler has run. */
export type CastOutcome = "accepted" | "dropped" | "rejected" | "stopped" | "expired";

/** How an actor is spoken to, from inside or outside of actors. It may be kept for ever, and passed on. */
export interface Ref<P extends Protocol<P>> {
  /** The actor's name in the tree, e.g. `storage`. */
  readonly name: string;

  /** Asks, and waits for the answer. It never rejects: every outcome is a `Result`. */
  call<N extends CallName<P>>(
    name: N,
    request: RequestOf<P, N>,
    options: CallOptions,
  ): Promise<Result<ReplyOf<P, N>, FailureOf<P, N> | CallFailure>>;

  /** Tells, and does not wait. It never throws. */
  cast<N extends CastName<P>>(name: N, request: RequestOf<P, N>): CastOutcome;

  /** Calls `onDown` exactly once: when the current incarnation ends, or at once when there is none. Returns an undo. */
  monitor(onDown: (down: Down) => void): () => void;
}

/** Why a monitored incarnation is gone. */
export interface Down {
  readonly actor: string;
  readonly incarnation: number;
  readonly reason: "normal" | "shutdown" | "killed" | "crashed" | "no-actor" | "no-connection";
}
