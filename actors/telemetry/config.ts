/** How much telemetry remembers, and for how long. */
import { type ConfigSchema, count, durationMs } from "#runtime/config/schema.ts";
import { minute, second } from "#runtime/units.ts";

export interface TelemetryConfig {
  /** A gauge that its cell has not pushed for this long is no longer shown: the cell is gone, or the thing measured (TEL-3). */
  readonly gaugeStaleMs: number;
  /** Families over all cells. Deltas of a further one are dropped and counted (TEL-6). */
  readonly familyCountMax: number;
  /** Series over all families and cells. Deltas of a further one are dropped and counted (TEL-6). */
  readonly seriesCountMax: number;
}

export const telemetryConfigSchema: ConfigSchema<TelemetryConfig> = {
  gaugeStaleMs: durationMs({ default: 10 * second, min: 2 * second, max: 10 * minute }),
  familyCountMax: count({ default: 512, min: 16, max: 4096 }),
  seriesCountMax: count({ default: 8192, min: 64, max: 131_072 }),
};

/** Relations between settings; a sentence about the one that does not hold. */
export function checkTelemetryConfig(config: TelemetryConfig): string | undefined {
  return config.familyCountMax > config.seriesCountMax
    ? "seriesCountMax leaves room for one series of every family"
    : undefined;
}
