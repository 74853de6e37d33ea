/**
 * How long to wait before the next attempt. Pure.
 *
 * Restarts use full jitter: anything between nothing and the ceiling, so that children which fell together do not come
 * back together. Probes of a quarantined child are slow and regular, so that an operator can tell when the next one is.
 */
import { doubled } from "#runtime/doubled.ts";
import type { Random } from "#runtime/random.ts";
import { minute, second } from "#runtime/units.ts";

/** Ceiling of the first wait; it doubles with every crash. */
export const RESTART_BACKOFF_MS_MIN = 100;
/** The ceiling never grows past it. */
export const RESTART_BACKOFF_MS_MAX: number = 30 * second;
/** A life that lasted as long makes the next wait short again. */
export const STABLE_MS: number = 30 * second;
/** Pause between a quarantine and the first probe; it doubles with every failed one. */
export const PROBE_MS_MIN: number = 1 * minute;
export const PROBE_MS_MAX: number = 15 * minute;

/** `crashCount`: crashes since the child was last stable, this one included; at least 1. */
export function restartDelayMs(crashCount: number, random: Random): number {
  return random.below(doubled(RESTART_BACKOFF_MS_MIN, crashCount - 1, RESTART_BACKOFF_MS_MAX) + 1);
}

/** `failedCount`: probes that failed since the quarantine began. */
export function probeDelayMs(failedCount: number): number {
  return doubled(PROBE_MS_MIN, failedCount, PROBE_MS_MAX);
}
