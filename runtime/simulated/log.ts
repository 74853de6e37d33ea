/** A log that remembers, for tests and simulation: entries as they would be written, redacted, the newest kept. */
import type { Log, LogFields } from "#runtime/telemetry/log.ts";
import { redactFields } from "#runtime/telemetry/redact.ts";

/** One line, as it would be written. */
export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly event: string;
  readonly fields: LogFields;
}

/** A log that shows what came in. */
export interface MemoryLog extends Log {
  /** Oldest first, of this log and all made from it by `with`. */
  readonly entries: readonly LogEntry[];
  /** The events alone. */
  readonly events: readonly string[];
}

/** Entries kept; the oldest ones go first. */
export const memoryLogEntriesMax = 10_000;

/** Keeps the newest 10 000 entries. */
export function memoryLog(): MemoryLog {
  return logInto([], {});
}

function logInto(entries: LogEntry[], bound: LogFields): MemoryLog {
  const write = (level: LogEntry["level"]) => (event: string, fields?: LogFields) => {
    entries.push({ level, event, fields: redactFields({ ...bound, ...fields }) });
    if (entries.length > memoryLogEntriesMax) entries.shift();
  };
  return {
    entries,
    get events() {
      return entries.map(({ event }) => event);
    },
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    with: (fields) => logInto(entries, { ...bound, ...fields }),
  };
}
