/** Keeps this process from ending for want of work: the seams' own timers never do. */

/** Longest delay a timer takes, ms. It fires for nothing every 24 days. */
const PAUSE_MS = 2 ** 31 - 1;

/** Holds the process until the answered undo is called. Any number of holds count as one each. */
export function keepAlive(): () => void {
  const timer = setInterval(() => undefined, PAUSE_MS);
  return () => clearInterval(timer);
}
