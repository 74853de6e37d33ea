/**
 * Structured logging, as a seam. A line is an event name and fields; prose belongs in docs. Never a secret, never a
 * request body: the implementation redacts the fields named in `redacted`, and callers do not rely on it.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where lines go. Calls return soon and never throw. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with `fields` on every line. */
  with(fields: LogFields): Log;
}
