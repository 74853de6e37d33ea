/**
 * Log lines as JSON through pino, the one place that knows it: `{"level","time","event", …fields}`, one line each.
 *
 * Fields are copied, bounded and redacted before they get there (`telemetry/redact.ts`). `time` is wall time: it is for
 * people and for joining the logs of several processes.
 */
import { type Logger, pino } from "pino";
import type { Clock } from "#runtime/clock.ts";
import type { Log, LogFields } from "#runtime/telemetry/log.ts";
import { redactFields } from "#runtime/telemetry/redact.ts";

/** Lines below the level cost next to nothing: their fields are not looked at. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Where lines go. `write` takes one line with its line end; it returns soon and never throws. */
export interface LogSink {
  write(line: string): void;
}

export interface LogOptions {
  readonly sink: LogSink;
  readonly level: LogLevel;
  readonly clock: Clock;
  /** On every line, e.g. the cell. */
  readonly fields?: LogFields;
}

export function createLog({ sink, level, clock, fields = {} }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(clock.wallMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return new PinoLog(logger, fields);
}

type LineLevel = Exclude<LogLevel, "silent">;

class PinoLog implements Log {
  readonly #logger: Logger;
  readonly #fields: LogFields;

  constructor(logger: Logger, fields: LogFields) {
    this.#logger = logger;
    this.#fields = fields;
  }

  debug(event: string, fields?: LogFields): void {
    this.#write("debug", event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#write("info", event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#write("warn", event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#write("error", event, fields);
  }

  with(fields: LogFields): Log {
    return new PinoLog(this.#logger, { ...this.#fields, ...fields });
  }

  #write(level: LineLevel, event: string, fields: LogFields | undefined): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    // Merged here and not by the library's children, which would write a name twice where both give it.
    const { level: ownLevel, time, event: ownEvent, ...others } = redactFields({ ...this.#fields, ...fields });
    const line: Record<string, unknown> = { event: event.slice(0, 200), ...others };
    // The line's own three names win; a field of the same name is kept beside them.
    if (ownLevel !== undefined) line["fieldLevel"] = ownLevel;
    if (time !== undefined) line["fieldTime"] = time;
    if (ownEvent !== undefined) line["fieldEvent"] = ownEvent;
    this.#logger[level](line);
  }
}
