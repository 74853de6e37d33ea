/** Where log lines go. */

/** Takes one line with its line end; returns soon and never throws. */
export interface LineSink {
  write(line: string): void;
}
