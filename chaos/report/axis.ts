/** Where an axis has its marks, and what is written there. */
import { hour, minute, second } from "#runtime/units.ts";

export interface Tick {
  /** Of the whole axis, percent. */
  readonly at: number;
  readonly label: string;
}

/** More labels would touch each other in a narrow window. */
const TIME_TICKS_MAX = 7;

/** Steps between marks of time, each in the unit that its marks are told in. */
const UNITS = [
  { unit: "s", unitMs: second, steps: [1, 2, 5, 10, 15, 30] },
  { unit: "min", unitMs: minute, steps: [1, 2, 5, 10, 15, 30] },
  { unit: "h", unitMs: hour, steps: [1, 2, 4, 8, 24] },
] as const;

/** From 0 to `endMs`. */
export function timeTicks(endMs: number): readonly Tick[] {
  const choices = UNITS.flatMap(({ unit, unitMs, steps }) => steps.map((step) => ({ unit, unitMs, step })));
  const fitting = choices.find(({ unitMs, step }) => endMs / (unitMs * step) < TIME_TICKS_MAX) ?? choices.at(-1);
  if (fitting === undefined || endMs <= 0) return [];
  const { unit, unitMs, step } = fitting;
  const count = Math.min(TIME_TICKS_MAX, 1 + Math.floor(endMs / (unitMs * step)));
  return Array.from({ length: count }, (_, index) => ({
    at: (index * step * unitMs * 100) / endMs,
    label: `${index * step} ${unit}`,
  }));
}

/** The round number, at least 1, that an axis ends at which has `value` on it; half of it is whole, but for that of 1. */
export function topOf(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((top) => top >= value) ?? value;
}
