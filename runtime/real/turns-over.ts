/**
 * The end of all promise turns, as cheaply as the platform has it: a tick comes when none is left, however long their chains,
 * for a quarter of what a macrotask costs. Rejections that nobody handles, timers and sockets are not looked after between
 * two ticks: whoever goes from one to the next lets the event loop turn now and then.
 */
import { unguarded } from "#runtime/real/guard.ts";

/** Settles when every promise turn has run, those that they began too. */
export function turnsOver(): Promise<void> {
  return new Promise((resolve) => unguarded(() => process.nextTick(resolve)));
}
