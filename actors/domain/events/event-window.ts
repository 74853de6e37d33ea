/**
 * When an event may have been: from one month before now to one hour after it, both included.
 *
 * The month is one of the calendar of UTC, as Postgres' interval is, and not 31 days: so what comes belongs into the partition of
 * this month, of the one before or, in the last hour, of the next, and never into a fourth.
 */
import { monthBefore } from "#actors/domain/time-ns.ts";
import { hour } from "#runtime/units.ts";

/** Clocks of producers that are ahead of ours. */
export const EVENT_AHEAD_MS_MAX: number = 1 * hour;

export interface EventWindow {
  /** Nanoseconds since 1970. */
  readonly firstNs: bigint;
  /** Nanoseconds since 1970. */
  readonly lastNs: bigint;
}

export function eventWindow(nowNs: bigint): EventWindow {
  return { firstNs: monthBefore(nowNs), lastNs: nowNs + BigInt(EVENT_AHEAD_MS_MAX) * 1_000_000n };
}

/** Which side of the window a moment is on; undefined inside. */
export function outsideOf({ firstNs, lastNs }: EventWindow, tsNs: bigint): "too-old" | "too-new" | undefined {
  if (tsNs < firstNs) return "too-old";
  return tsNs > lastNs ? "too-new" : undefined;
}
