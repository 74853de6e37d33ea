/** What storage counts, beside the catalog's own totals. */
import type { Counter, Gauge, Metrics } from "#runtime/telemetry/metrics.ts";

export class Meters {
  /** Of objects committed. */
  readonly bytesIn: Counter;
  /** Of chunks, what was handed out to whoever reads; added when the source has settled. */
  readonly bytesOut: Counter;
  readonly damaged: Counter;
  readonly readsFailed: Counter;
  readonly commitsInDoubt: Counter;
  readonly packsSetAside: Gauge;
  readonly scrubbedBytes: Counter;
  readonly keeps: Gauge;

  constructor(metrics: Metrics) {
    this.bytesIn = metrics.counter("storage_bytes_in_total", "Bytes of objects committed.");
    this.bytesOut = metrics.counter(
      "storage_bytes_out_total",
      "Bytes of chunks handed out to readers, counted when a read is over.",
    );
    this.damaged = metrics.counter("storage_damaged_total", "Records found to differ from what was stored.");
    this.readsFailed = metrics.counter(
      "storage_reads_failed_total",
      "Reads that the disk failed, to no fault of the bytes.",
    );
    this.commitsInDoubt = metrics.counter(
      "storage_commits_in_doubt_total",
      "Commits that failed and could not be taken back at once: lists end before them until they are.",
    );
    this.scrubbedBytes = metrics.counter("storage_scrubbed_bytes_total", "Bytes of packs read again and compared.");
    this.packsSetAside = metrics.gauge("storage_packs_set_aside", "Packs that the disk cannot read all of.");
    this.keeps = metrics.gauge(
      "storage_keeps",
      "Objects that were pinned, let go or removed, as long as that matters.",
    );
  }
}
