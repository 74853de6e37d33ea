/**
 * How often something may be done: a bucket of `burst`, filled with one every `periodMs`.
 *
 * All that is kept of a bucket is one time: when it will be full again. It is full for whoever has none, so what is kept may go
 * when that time has come, and a Redis that lost everything lets a burst pass, no more.
 *
 * The script and the function below it say the same, in microseconds that a double holds exactly.
 */
import { assert } from "#runtime/errors.ts";
import { hour } from "#runtime/units.ts";

export interface Rate {
  /** One more after so long. */
  readonly periodMs: number;
  /** As many at once. */
  readonly burst: number;
}

export type RateVerdict =
  | { readonly isAllowed: true }
  /** The next one may be tried after so long; whole milliseconds, at least 1. */
  | { readonly isAllowed: false; readonly retryAfterMs: number };

/** A bucket that takes longer to fill could not be told from one that never does. */
export const RATE_FULL_MS_MAX: number = 30 * 24 * hour;

const usPerMs = 1000;

/** What came of taking one, and what is to be kept instead, and for how long, if that is something else. */
export interface Taken {
  readonly verdict: RateVerdict;
  readonly keep?: { readonly fullUs: number; readonly forMs: number };
}

/** Takes one at `nowUs`. `fullUs` is what was kept, undefined where there is nothing. */
export function takeOne({ periodMs, burst }: Rate, fullUs: number | undefined, nowUs: number): Taken {
  const periodUs = periodMs * usPerMs;
  const emptyUs = nowUs + periodUs * burst;
  // No bucket is emptier than empty: that is of a clock that has been put back, and would be waited for by nobody.
  const wasUs = Math.min(Math.max(fullUs ?? nowUs, nowUs), emptyUs);
  const willUs = wasUs + periodUs;
  const keep = (us: number) => ({ fullUs: us, forMs: Math.ceil((us - nowUs) / usPerMs) });
  if (willUs <= emptyUs) return { verdict: { isAllowed: true }, keep: keep(willUs) };
  const verdict: RateVerdict = { isAllowed: false, retryAfterMs: Math.ceil((willUs - emptyUs) / usPerMs) };
  return fullUs !== undefined && fullUs > emptyUs ? { verdict, keep: keep(wasUs) } : { verdict };
}

/** The same for Redis: one key, and the words of `rateWords`; 0 when one was taken, else the milliseconds to wait. */
export const RATE_SCRIPT = `#!lua flags=allow-oom
local period = tonumber(ARGV[1]) * 1000
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local empty = now + period * tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
local was = math.min(math.max(full, now), empty)
local will = was + period
local function keep(us)
  redis.call('SET', KEYS[1], string.format('%.0f', us), 'PX', math.ceil((us - now) / 1000))
end
if will <= empty then
  keep(will)
  return 0
end
if full > empty then keep(was) end
return math.ceil((will - empty) / 1000)
`;

export function rateWords(rate: Rate): readonly [periodMs: number, burst: number] {
  assertRate(rate);
  return [rate.periodMs, rate.burst];
}

export function assertRate({ periodMs, burst }: Rate): void {
  assert(Number.isInteger(periodMs) && periodMs >= 1, "a period is at least a millisecond");
  assert(Number.isInteger(burst) && burst >= 1, "a burst is at least one");
  assert(periodMs * burst <= RATE_FULL_MS_MAX, "a bucket is full within 30 days");
}
