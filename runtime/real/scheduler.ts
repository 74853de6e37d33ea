/** The event loop's own order. */
import type { Scheduler } from "#runtime/scheduler.ts";

/** `queueMicrotask` and `setImmediate`. */
export const realScheduler: Scheduler = {
  microtask: (run) => queueMicrotask(run),
  macrotask: (run) => {
    setImmediate(run);
  },
};
