/** The same work, with less time: until its own deadline, or so long from now. */
import type { Clock } from "#runtime/clock.ts";
import type { Within } from "#runtime/ref.ts";

export function withinMs({ deadlineMs, signal, trace }: Within, ms: number, clock: Pick<Clock, "nowMs">): Within {
  return { deadlineMs: Math.min(deadlineMs, clock.nowMs() + ms), signal, trace };
}
