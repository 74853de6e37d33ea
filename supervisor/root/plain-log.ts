/** The root's log: the same JSON lines as everybody's, without the library, because the root stays small. */
import type { Clock } from "#runtime/clock.ts";
import type { Log, LogFields } from "#runtime/telemetry/log.ts";
import { redactFields } from "#runtime/telemetry/redact.ts";
import type { LineSink } from "#supervisor/line-sink.ts";

/** `debug` lines are left out. */
export function plainLog(sink: LineSink, clock: Clock, bound: LogFields): Log {
  const write = (level: string) => (event: string, fields?: LogFields) => {
    const line = { level, time: new Date(clock.wallMs()).toISOString(), event };
    // The line's own names come first, and win.
    sink.write(`${JSON.stringify({ ...line, ...redactFields({ ...bound, ...fields }), ...line })}\n`);
  };
  return {
    debug: () => undefined,
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    with: (fields) => plainLog(sink, clock, { ...bound, ...fields }),
  };
}
