/**
 * Standard error of this process, as a place for log lines.
 *
 * Written to directly: the process's own stream tells a reader that is gone by an event that nobody listens for, which
 * ends the process. A log never does that.
 */
import { writeSync } from "node:fs";

const DESCRIPTOR = 2;

/** Takes one line with its line end. What cannot be written at once (a closed or a full pipe) is lost. */
export const standardError: { write(line: string): void } = {
  write: (line) => {
    const bytes = Buffer.from(line);
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(DESCRIPTOR, bytes, written);
    } catch {
      // There is no other place to say so.
    }
  },
};
