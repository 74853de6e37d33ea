/**
 * Children that start, and stop, at the same time; and which of them wait for what.
 *
 * The marks are sets, so that an event costs what it affects and not what there is. An entry keeps them.
 */
import type { Entry } from "#supervisor/entry.ts";

export class Rung {
  /** To be told to stop when the rung's turn comes. */
  readonly toStop: Set<Entry> = new Set();
  /** To be started when the rung's turn comes. */
  readonly toStart: Set<Entry> = new Set();
  /** On their way down. */
  readonly stopping: Set<Entry> = new Set();
  /** Starting, and later rungs wait for the outcome. */
  readonly awaited: Set<Entry> = new Set();
  /** Brought down by the strategy, to come back with a sibling. */
  readonly parked: Set<Entry> = new Set();

  forget(entry: Entry): void {
    for (const marks of [this.toStop, this.toStart, this.stopping, this.awaited, this.parked]) {
      marks.delete(entry);
    }
  }
}
