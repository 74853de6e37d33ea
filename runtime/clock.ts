/** Time, as a seam. Durations use the monotonic reading; wall time appears at the edges only (log lines, headers). */

/** A callback that waits for its time. */
export interface Timer {
  /** Idempotent. After it, the callback does not run. */
  cancel(): void;
}

/** Durations by `nowMs`, moments for people by `wallMs`, callbacks by `after`. */
export interface Clock {
  /** Monotonic milliseconds, with fractions. The origin means nothing. */
  nowMs(): number;
  /**
   * `nowMs` as it was last read in this pass of the event loop: for deadlines, which are coarse. Reading the time costs
   * as much as a message. It is late by as long as a single turn blocks the loop.
   */
  recentMs(): number;
  /** Whole milliseconds since 1970 UTC: they are written down. It may jump. Never subtract two of them. */
  wallMs(): number;
  /**
   * Runs `run` once, no earlier than after `delayMs` (at least 0, at most 2^31 - 1). Never keeps the process alive. Those
   * that are due by the same pass of the event loop run in any order, whichever was due first.
   */
  after(delayMs: number, run: () => void): Timer;
}
