/**
 * Moments to the nanosecond: as bigints of nanoseconds since 1970, and as texts of RFC 3339.
 *
 * Of what RFC 3339 leaves to its reader:
 * - more than nine digits of a fraction are refused: nothing of a moment is lost without a word;
 * - a leap second is taken where one can be, in the last second of a month of UTC, and is the second after it: the count
 *   since 1970 has no room for it;
 * - `-00:00` is `Z`, `t` and `z` are read as `T` and `Z`; a space between date and time is refused;
 * - the years are those of four digits, 0000 to 9999, after the offset as well.
 */
import { assert } from "#runtime/errors.ts";

const SHAPE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;

const ZERO = 0x30;
const SECOND_NS = 1_000_000_000n;
const DAY_NS: bigint = 86_400n * SECOND_NS;
const DAY_SECONDS = 86_400;
const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3600;
/** Days of a common year before the first of a month. */
const DAYS_BEFORE_MONTH: readonly number[] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
/** Days from the first of the year 0 to that of 1970. */
const DAYS_BEFORE_1970 = 719_528;
const FIRST_SECONDS: number = -DAYS_BEFORE_1970 * DAY_SECONDS;
const END_SECONDS: number = daysSince1970(10_000, 1, 1) * DAY_SECONDS;

/** Nanoseconds since 1970; undefined for what is no moment of RFC 3339. */
export function parseRfc3339(text: string): bigint | undefined {
  if (!SHAPE.test(text)) return undefined;
  const year = 100 * twoDigits(text, 0) + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return undefined;
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const offsetSeconds = offsetOf(text);
  if (offsetSeconds === undefined) return undefined;

  const dayTime = hour * HOUR_SECONDS + minute * MINUTE_SECONDS + second;
  const seconds = daysSince1970(year, month, day) * DAY_SECONDS + dayTime - offsetSeconds;
  if (second === 60 && !isStartOfMonth(seconds)) return undefined;
  if (seconds < FIRST_SECONDS || seconds >= END_SECONDS) return undefined;
  return BigInt(seconds) * SECOND_NS + BigInt(nanosecondsOf(text));
}

/** In UTC, with as many digits of a fraction as it needs: what Go calls RFC3339Nano. Of a moment in the years 0 to 9999. */
export function formatRfc3339(ns: bigint): string {
  const seconds = floorDivide(ns, SECOND_NS);
  assert(seconds >= FIRST_SECONDS && seconds < END_SECONDS, "a moment is in a year of four digits");
  const fraction = String(ns - seconds * SECOND_NS).padStart(9, "0");
  const digits = fraction.replace(/0+$/, "");
  const whole = new Date(1000 * Number(seconds)).toISOString().slice(0, 19);
  return digits === "" ? `${whole}Z` : `${whole}.${digits}Z`;
}

/**
 * The same time of the same day of the month before, in UTC; of its last day where it has no such day: what `interval
 * '1 month'` is to Postgres.
 */
export function monthBefore(ns: bigint): bigint {
  const days = floorDivide(ns, DAY_NS);
  const date = new Date(1000 * DAY_SECONDS * Number(days));
  const monthNow = date.getUTCMonth() + 1;
  const month = monthNow === 1 ? 12 : monthNow - 1;
  const year = date.getUTCFullYear() - (monthNow === 1 ? 1 : 0);
  const day = Math.min(date.getUTCDate(), daysOfMonth(year, month));
  return BigInt(daysSince1970(year, month, day)) * DAY_NS + (ns - days * DAY_NS);
}

/** Seconds that the clock of the text is ahead of UTC. */
function offsetOf(text: string): number | undefined {
  const last = text.length - 1;
  if (/[Zz]/.test(text.charAt(last))) return 0;
  const hours = twoDigits(text, last - 4);
  const minutes = twoDigits(text, last - 1);
  if (hours > 23 || minutes > 59) return undefined;
  const seconds = hours * HOUR_SECONDS + minutes * MINUTE_SECONDS;
  return text.charAt(last - 5) === "-" ? -seconds : seconds;
}

function nanosecondsOf(text: string): number {
  if (text.charAt(19) !== ".") return 0;
  const digits = text.slice(20, /[Zz]$/.test(text) ? -1 : -6);
  return Number(digits.padEnd(9, "0"));
}

function isStartOfMonth(seconds: number): boolean {
  const date = new Date(1000 * seconds);
  return seconds % DAY_SECONDS === 0 && date.getUTCDate() === 1;
}

function daysOfMonth(year: number, month: number): number {
  const days = (DAYS_BEFORE_MONTH[month] ?? 0) - (DAYS_BEFORE_MONTH[month - 1] ?? 0);
  return month === 2 && isLeap(year) ? days + 1 : days;
}

/** The calendar of Gregory, for all years. */
function daysSince1970(year: number, month: number, day: number): number {
  const leapYearsBefore = Math.ceil(year / 4) - Math.ceil(year / 100) + Math.ceil(year / 400);
  const leapDay = month > 2 && isLeap(year) ? 1 : 0;
  const daysBefore = 365 * year + leapYearsBefore + (DAYS_BEFORE_MONTH[month - 1] ?? 0) + leapDay;
  return daysBefore + day - 1 - DAYS_BEFORE_1970;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function twoDigits(text: string, at: number): number {
  return 10 * (text.charCodeAt(at) - ZERO) + text.charCodeAt(at + 1) - ZERO;
}

/** Towards the past, as moments before 1970 need it. */
function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return quotient * divisor > dividend ? quotient - 1n : quotient;
}
