/** What index may be told, and within which bounds. */
import { type ConfigSchema, count, durationMs, sizeBytes } from "#runtime/config/schema.ts";
import { GiB, hour, MiB, millisecond, minute, second } from "#runtime/units.ts";

export interface IndexConfig {
  /** Decoded entries kept in memory beside the store, by estimated size; the least recently asked for goes first. */
  readonly cacheBytesMax: number;
  /** Entries that may wait for the store. Past it `record` answers only when some were written. */
  readonly pendingEntriesMax: number;
  /** Address space of the store's file. A full one refuses writes, and puts fail once the pending entries are full. */
  readonly mapBytesMax: number;
  /** First pause after a write that the store refused; it doubles up to `writeRetryMsMax`, with full jitter. */
  readonly writeRetryMsMin: number;
  readonly writeRetryMsMax: number;
}

export const indexConfigSchema: ConfigSchema<IndexConfig> = {
  cacheBytesMax: sizeBytes({ default: 8 * MiB, min: 0, max: 16 * GiB }),
  pendingEntriesMax: count({ default: 16_384, min: 1, max: 1_048_576 }),
  mapBytesMax: sizeBytes({ default: 16 * GiB, min: 1 * MiB, max: 4096 * GiB }),
  writeRetryMsMin: durationMs({ default: 100 * millisecond, min: 1, max: 1 * minute }),
  writeRetryMsMax: durationMs({ default: 30 * second, min: 1, max: 1 * hour }),
};

/** Relations between settings; answers with a sentence about the one that does not hold. */
export function checkIndexConfig(config: IndexConfig): string | undefined {
  return config.writeRetryMsMin <= config.writeRetryMsMax
    ? undefined
    : "index.writeRetryMsMin is at most index.writeRetryMsMax";
}
