/** What overlay may be told, and within which bounds. */
import { type ConfigSchema, count, durationMs, sizeBytes } from "#runtime/config/schema.ts";
import { GiB, hour, MiB, millisecond, minute, second } from "#runtime/units.ts";

export interface OverlayConfig {
  /** Longest wait for an answer of index, or of storage where no stream is involved. */
  readonly callTimeoutMs: number;
  /** A put is `overlay.unavailable` when its source brings nothing, and storage answers nothing, for this long. */
  readonly putProgressTimeoutMs: number;
  /** A call that certainly did not run is repeated once, after a random pause of at most this. */
  readonly retryPauseMsMax: number;
  /** Decoded manifest nodes kept in memory, by estimated size; the least recently used go first. */
  readonly nodeCacheBytesMax: number;
  /** Commits asked from storage, and told to index, at a time. */
  readonly feedPageEntriesMax: number;
  /** Pause between two rounds of feeding when nothing went down: how far a restarted index is behind at most. */
  readonly feedIntervalMs: number;
  /** First pause after a round that failed; it doubles up to `feedBackoffMsMax`, with full jitter. */
  readonly feedBackoffMsMin: number;
  readonly feedBackoffMsMax: number;
}

export const overlayConfigSchema: ConfigSchema<OverlayConfig> = {
  callTimeoutMs: durationMs({ default: 10 * second, min: 10, max: 10 * minute }),
  putProgressTimeoutMs: durationMs({ default: 30 * second, min: 10, max: 1 * hour }),
  retryPauseMsMax: durationMs({ default: 100 * millisecond, min: 0, max: 10 * second }),
  nodeCacheBytesMax: sizeBytes({ default: 8 * MiB, min: 0, max: 16 * GiB }),
  feedPageEntriesMax: count({ default: 1000, min: 1, max: 1000 }),
  feedIntervalMs: durationMs({ default: 1 * minute, min: 100, max: 24 * hour }),
  feedBackoffMsMin: durationMs({ default: 100 * millisecond, min: 1, max: 1 * minute }),
  feedBackoffMsMax: durationMs({ default: 10 * second, min: 1, max: 1 * hour }),
};

/** Relations between settings; answers with a sentence about the one that does not hold. */
export function checkOverlayConfig(config: OverlayConfig): string | undefined {
  if (config.feedBackoffMsMin > config.feedBackoffMsMax) {
    return "overlay.feedBackoffMsMin is at most overlay.feedBackoffMsMax";
  }
  if (config.retryPauseMsMax >= config.callTimeoutMs) {
    return "overlay.retryPauseMsMax is less than overlay.callTimeoutMs";
  }
  return undefined;
}
