/** The event loop's own order. */
import type { Scheduler } from "#runtime/scheduler.ts";

const settled = Promise.resolve();

/** Promise turns and `setImmediate`. */
export const realScheduler: Scheduler = {
  // A third of what `queueMicrotask` costs, which makes an async resource of each. What `run` throws is an unhandled
  // rejection: to a cell the same as an uncaught exception.
  microtask: (run) => {
    settled.then(run);
  },
  macrotask: (run) => {
    setImmediate(run);
  },
};
