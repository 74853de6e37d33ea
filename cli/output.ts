/**
 * Imported, by the commands of the checkout, for what it does: a command whose output nobody takes any more ends by itself.
 *
 * A reader that goes away (`cepa gates | head -1`) ends it quietly, as SIGPIPE ends other programs. Where the output cannot be
 * written, because a disk is full, it ends with a sentence and an exit code that is not 0. The command line itself has failures
 * told in its own way: see `console.ts`. Knows nothing but Node, so that every command can have it.
 */
import { writeSync } from "node:fs";
import { getSystemErrorMessage } from "node:util";

/** What a shell reports for a program that SIGPIPE ended. */
const BROKEN_PIPE_EXIT_CODE = 141;

process.stdout.on("error", (error) => process.exit(exitCodeFor(error)));
process.stderr.on("error", (error) => process.exit(isBrokenPipe(error) ? BROKEN_PIPE_EXIT_CODE : 1));
// Who writes and ends at once is gone before the stream tells of an error, but the stream knows of it.
process.once("exit", () => {
  const error = process.stdout.errored;
  if (error) process.exitCode = exitCodeFor(error);
});

/** Says what is wrong, once: as the last thing, so with what is written at once. */
function exitCodeFor(error: Error): number {
  if (isBrokenPipe(error)) return BROKEN_PIPE_EXIT_CODE;
  if (!isTold) tell(`cepa: standard output cannot be written: ${reasonOf(error)}\n`);
  isTold = true;
  return 1;
}

let isTold = false;

function tell(line: string): void {
  try {
    writeSync(process.stderr.fd, line);
  } catch {
    // There is nobody to tell.
    return;
  }
}

function isBrokenPipe(error: Error): boolean {
  return "code" in error && error.code === "EPIPE";
}

function reasonOf(error: Error): string {
  const errno = "errno" in error ? error.errno : undefined;
  return typeof errno === "number" ? getSystemErrorMessage(errno) : error.message;
}
