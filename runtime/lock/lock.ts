/**
 * Exclusive ownership of a file, as a seam: held for as long as the process lives, released by the kernel when it dies
 * in whatever way. A pid file cannot promise that; it is for the message only.
 */
import type { Failure, Result } from "#runtime/errors.ts";

/** Somebody else holds it, and still did when the time to wait was over. */
export interface LockTaken extends Failure<"lock.taken"> {
  readonly path: string;
  readonly waitedMs: number;
}

/** The lock file cannot be opened or made: no permission, no space, not a lock file. */
export interface LockBroken extends Failure<"lock.broken"> {
  readonly path: string;
  readonly cause: string;
}

export interface Held {
  /** Idempotent. */
  release(): void;
}

export interface Locks {
  /** Waits up to `waitMs` (0: asks once) for exclusive ownership of `path`, which is made if it is missing. */
  acquire(path: string, options: { readonly waitMs: number }): Promise<Result<Held, LockTaken | LockBroken>>;
}

/** Pause between two attempts. */
export const LOCK_POLL_MS = 50;
