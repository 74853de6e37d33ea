/** What ingest counts: completed work, by what came of it. */
import type { DeadReason } from "#actors/ingest/dead-letter.ts";
import type { Counter, Gauge, Histogram, Metrics } from "#runtime/telemetry/metrics.ts";

/** Upper bounds, seconds. */
const BATCH_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const LAG_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600];

export class Meters {
  /** Entries given by Redis, each time anew. */
  readonly read: Counter;
  /** Rows that are in Postgres now: `new`, or `same` where they were there. */
  readonly written: Counter;
  readonly notices: Counter;
  readonly trimmed: Counter;
  readonly acknowledged: Counter;
  readonly spilled: Counter;
  readonly replayed: Counter;
  readonly lost: Counter;
  readonly pages: Histogram;
  readonly lag: Histogram;
  readonly spillRows: Gauge;
  readonly spillBytes: Gauge;
  readonly unread: Gauge;
  readonly pending: Gauge;
  readonly #dead: Counter;

  constructor(metrics: Metrics) {
    this.read = metrics.counter("ingest_read_total", "Entries given by the stream, each time that one was.");
    this.written = metrics.counter("ingest_written_total", "Events committed, by whether they were new.");
    this.notices = metrics.counter("ingest_notices_total", "Envelopes without an event, by their type.");
    this.#dead = metrics.counter("ingest_dead_lettered_total", "Entries dead-lettered, by reason.");
    this.trimmed = metrics.counter("ingest_dead_letters_trimmed_total", "Dead letters that made room for newer ones.");
    this.acknowledged = metrics.counter("ingest_acknowledged_total", "Entries acknowledged.");
    this.spilled = metrics.counter(
      "ingest_spilled_total",
      "Events kept on disk because Postgres could not be reached.",
    );
    this.replayed = metrics.counter("ingest_replayed_total", "Events moved from the disk to Postgres.");
    this.lost = metrics.counter("ingest_lost_total", "Entries that were there and can never be read.");
    this.pages = metrics.histogram("ingest_page_seconds", "From a page read to its acknowledgement.", BATCH_SECONDS);
    this.lag = metrics.histogram("ingest_lag_seconds", "From an entry added to its page acknowledged.", LAG_SECONDS);
    this.spillRows = metrics.gauge("ingest_spill_rows", "Events on disk that are not in Postgres yet.");
    this.spillBytes = metrics.gauge("ingest_spill_bytes", "Bytes that those take.");
    this.unread = metrics.gauge("ingest_unread_entries", "Entries of the stream that nobody was given yet.");
    this.pending = metrics.gauge("ingest_pending_entries", "Entries given and not acknowledged, by any node.");
  }

  dead(reason: DeadReason): void {
    this.#dead.add(1, { reason });
  }
}
