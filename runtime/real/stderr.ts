/** Standard error of this process, as a place for log lines. */

/** Takes one line with its line end. What a closed pipe refuses is lost: a log never ends its process. */
export const standardError: { write(line: string): void } = {
  write: (line) => {
    process.stderr.write(line, () => undefined);
  },
};
