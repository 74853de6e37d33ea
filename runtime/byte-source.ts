/**
 * Bytes that flow beside messages: pulled, by one consumer, settled once (architecture §3).
 *
 * A call carries or returns at most one, as a direct member of its request or reply. Inside a cell it is passed as it
 * is; a link replaces it by a credited stream. The runtime cancels it when the call, its caller or its callee ends.
 * It reports failure as data, so reading needs no `try`.
 */
import type { Failure } from "#runtime/errors.ts";

/** `read` answered this: every byte was delivered. */
export const ENDED = 0;
/** `read` answered this: no further byte will come, see `failure`. */
export const FAILED = -1;

/** A stream of bytes, pulled by one consumer. Whoever made it closes what is behind it when it ends or is cancelled. */
export interface ByteSource {
  /**
   * Fills the front of `into` and answers with the count of bytes written, at least 1, or `ENDED`, or `FAILED`.
   * One read at a time; `into` belongs to the source until the promise settles. It never rejects.
   * After `ENDED` or `FAILED` every further read answers the same.
   */
  read(into: Uint8Array): Promise<number>;
  /** Gives up on the rest. Idempotent; releases what the source holds; a pending read answers `FAILED`. */
  cancel(reason: Failure): void;
  /** Why the source failed or was cancelled. Undefined while it lives and after it ended well. */
  readonly failure: Failure | undefined;
}

/** Tells a source apart from plain data, at the places that must replace it (links, scopes). */
export function isByteSource(value: unknown): value is ByteSource {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Partial<ByteSource>).read === "function" &&
    typeof (value as Partial<ByteSource>).cancel === "function"
  );
}
