/** The machine's time. Timers are unreferenced: a pending one never keeps the process alive. */
import { performance } from "node:perf_hooks";
import type { Clock } from "#runtime/clock.ts";
import { assert } from "#runtime/errors.ts";

/** Longest delay a timer takes, ms: past it the platform would fire at once. */
const delayMsMax = 2 ** 31 - 1;

let recentMs = 0;
let isRecent = false;

const forget = (): void => {
  isRecent = false;
};

/** This machine's monotonic and wall time. */
export const realClock: Clock = {
  nowMs() {
    recentMs = performance.now();
    return recentMs;
  },

  recentMs() {
    if (isRecent) return recentMs;
    isRecent = true;
    // Timers and sockets come after it: whoever asks then reads the time anew.
    setImmediate(forget);
    recentMs = performance.now();
    return recentMs;
  },

  wallMs: () => Date.now(),

  after(delayMs, run) {
    assert(delayMs >= 0 && delayMs <= delayMsMax, "a timer's delay is 0 … 2^31 - 1 ms");
    const dueMs = performance.now() + delayMs;
    let timeout: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      timeout = setTimeout(fire, Math.min(Math.ceil(remainingMs), delayMsMax));
      timeout.unref();
    };
    // The platform counts in whole milliseconds of a cached loop time and can be up to one early.
    const fire = (): void => {
      const remainingMs = dueMs - performance.now();
      if (remainingMs > 0) arm(remainingMs);
      else run();
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(timeout) };
  },
};
