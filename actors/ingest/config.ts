/** What ingest may be told, and within which bounds. */
import { ROWS_MAX } from "#actors/ingest/rows/event-rows.ts";
import { type ConfigSchema, count, durationMs, flag, sizeBytes, text } from "#runtime/config/schema.ts";
import { GiB, hour, KiB, MiB, minute, second } from "#runtime/units.ts";

export interface IngestConfig {
  /** Whether the node has the cell `work`, and the Postgres and the Redis that it works with. */
  readonly enabled: boolean;
  /** Readers of the stream `events`, each with a page of its own in hand. */
  readonly readersMax: number;
  /** Entries of a page: they are written in one transaction. */
  readonly pageCountMax: number;
  /** About what a page may take in memory. */
  readonly pageBytesMax: number;
  /** Of the text of an event; a larger one is dead-lettered. The spill takes no row that is larger. */
  readonly eventBytesMax: number;
  /** What a reader was given and did not acknowledge for so long is given to another one. */
  readonly claimIdleMs: number;
  /** How often is looked for such entries. */
  readonly claimIntervalMs: number;
  /** An entry that was delivered more often is poison. */
  readonly deliveriesMax: number;
  /** On disk, while Postgres cannot be reached. Full, nothing more is read. */
  readonly spillBytesMax: number;
  /**
   * Whose the events of protocol 0.1.0 are that come without a token; empty: they need one. Whoever can reach the Redis then
   * publishes in the name of this producer.
   */
  readonly legacyProducer: string;
  /** Dead letters that are kept; the oldest go, and are counted. */
  readonly deadLettersMax: number;
  /** What those may take in the memory of Redis, bytes. */
  readonly deadLetterBytesMax: number;
}

/** The largest event that a node may be told to take: `ingest.eventBytesMax`. */
export const EVENT_BYTES_MAX: number = 1 * MiB;

export const ingestConfigSchema: ConfigSchema<IngestConfig> = {
  enabled: flag(false),
  readersMax: count({ default: 2, min: 1, max: 16 }),
  pageCountMax: count({ default: 1000, min: 1, max: ROWS_MAX }),
  pageBytesMax: sizeBytes({ default: 8 * MiB, min: 1 * MiB, max: 256 * MiB }),
  eventBytesMax: sizeBytes({ default: 1 * MiB, min: 1 * KiB, max: EVENT_BYTES_MAX }),
  claimIdleMs: durationMs({ default: 1 * minute, min: 1 * second, max: 24 * hour }),
  claimIntervalMs: durationMs({ default: 5 * second, min: 100, max: 1 * hour }),
  deliveriesMax: count({ default: 10, min: 2, max: 1000 }),
  spillBytesMax: sizeBytes({ default: 1 * GiB, min: 1 * MiB, max: 1024 * GiB }),
  legacyProducer: text({ default: "", pattern: /([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?/i }),
  deadLettersMax: count({ default: 100_000, min: 1, max: 10_000_000 }),
  deadLetterBytesMax: sizeBytes({ default: 256 * MiB, min: 1 * MiB, max: 1024 * GiB }),
};

/** Relations between settings; answers with a sentence about the one that does not hold. */
export function checkIngestConfig({ pageBytesMax, eventBytesMax }: IngestConfig): string | undefined {
  return eventBytesMax <= pageBytesMax ? undefined : "ingest.eventBytesMax is at most ingest.pageBytesMax";
}
