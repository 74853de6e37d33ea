/**
 * How a call can fail before the callee had its say, or instead of it.
 *
 * Each says whether the handler may have run: `no` is safe to retry as it is, `maybe` only where the protocol says the
 * call is idempotent (architecture §3).
 */
import type { Failure } from "#runtime/errors.ts";

/** Whether the handler may have run: what was not executed is safe to repeat. */
export type Executed = "no" | "maybe";

/** The callee's user lane holds `capacity` messages. Retry after a pause, or call with `whenFull: "wait"`. */
export interface MailboxFull extends Failure<"runtime.mailbox-full"> {
  readonly actor: string;
  readonly executed: "no";
}

/** The deadline passed while the request waited. It was dropped unread. */
export interface Expired extends Failure<"runtime.expired"> {
  readonly actor: string;
  readonly executed: "no";
}

/** The deadline passed after the handler had begun. */
export interface CallTimeout extends Failure<"runtime.call-timeout"> {
  readonly actor: string;
  readonly executed: "maybe";
}

/** The callee is stopped or quarantined. Final until somebody starts it. */
export interface ActorStopped extends Failure<"runtime.actor-stopped"> {
  readonly actor: string;
  readonly executed: "no";
}

/** The callee has no such message. Final: the caller was compiled against another protocol. */
export interface UnknownMessage extends Failure<"runtime.unknown-message"> {
  readonly actor: string;
  readonly executed: "no";
}

/** The incarnation that had the request in hand ended. */
export interface ActorCrashed extends Failure<"runtime.actor-crashed"> {
  readonly actor: string;
  readonly executed: "maybe";
}

/**
 * The request was in hand at the crash of `entered` incarnations. It is a dead letter now; sending it again, unchanged,
 * is likely to do the same.
 */
export interface Poison extends Failure<"runtime.poison"> {
  readonly actor: string;
  readonly entered: number;
  readonly executed: "maybe";
}

/** The caller gave up: its own caller did, or its incarnation ended. */
export interface Cancelled extends Failure<"runtime.cancelled"> {
  readonly actor: string;
  readonly executed: Executed;
}

/** There is no link to the callee's cell. Retry after a pause. */
export interface NotConnected extends Failure<"runtime.not-connected"> {
  readonly actor: string;
  readonly executed: "no";
}

/** The link broke after the request was sent. */
export interface LinkLost extends Failure<"runtime.link-lost"> {
  readonly actor: string;
  readonly executed: "maybe";
}

/**
 * The request (`no`) or the reply (`maybe`) cannot cross the link: it is too large, holds what no link carries, would open
 * one stream too many, or finds too many bytes before it that the caller's cell has not read. The first two are final, a
 * mistake in the protocol's bounds.
 */
export interface Unsendable extends Failure<"runtime.unsendable"> {
  readonly actor: string;
  readonly reason: "too-large" | "not-encodable" | "streams-exceeded" | "outbox-full";
  /** Of the body; 0 where size is not the reason. */
  readonly sizeBytes: number;
  readonly executed: Executed;
}

/** What any call may come to beside its protocol's own failures. */
export type CallFailure =
  | MailboxFull
  | Expired
  | CallTimeout
  | ActorStopped
  | UnknownMessage
  | ActorCrashed
  | Poison
  | Cancelled
  | NotConnected
  | LinkLost
  | Unsendable;

const CODES: ReadonlySet<string> = new Set<CallFailure["code"]>([
  "runtime.mailbox-full",
  "runtime.expired",
  "runtime.call-timeout",
  "runtime.actor-stopped",
  "runtime.unknown-message",
  "runtime.actor-crashed",
  "runtime.poison",
  "runtime.cancelled",
  "runtime.not-connected",
  "runtime.link-lost",
  "runtime.unsendable",
]);

/** Tells the runtime's failures from those of the protocol. */
export function isCallFailure(failure: Failure): failure is CallFailure {
  return CODES.has(failure.code);
}
