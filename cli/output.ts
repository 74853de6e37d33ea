/**
 * Imported, by the commands of the checkout, for what it does: a command whose output nobody takes any more ends by itself,
 * and one that the system refuses a file or a directory ends with a sentence.
 *
 * A reader that goes away (`cepa gates | head -1`) ends it quietly, as SIGPIPE ends other programs. Where the output cannot be
 * written, because a disk is full, it ends with a sentence and an exit code that is not 0. A refusal that no command has
 * caught says nothing of what the command looks at, so its exit code is that of a mistake in the command. Any other error is
 * a defect, and keeps its stack. The command line itself has failures told in its own way: see `console.ts`. Knows nothing
 * but Node, so that every command can have it.
 */
import { writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { getSystemErrorMessage } from "node:util";

/** What a shell reports for a program that SIGPIPE ended. */
const BROKEN_PIPE_EXIT_CODE = 141;
const REFUSED_EXIT_CODE = 2;

const root = join(import.meta.dirname, "..");

process.on("uncaughtExceptionMonitor", (error) => {
  const refusal = refusalIn(error);
  if (refusal === undefined) return;
  tell(`cepa: ${refusal}\n`);
  process.exit(REFUSED_EXIT_CODE);
});

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

/** What the system did not do with which path, why, and what helps. Undefined for what is no such thing. */
function refusalIn(error: Error): string | undefined {
  if (!("syscall" in error && "path" in error && "code" in error)) return undefined;
  const { syscall, path, code } = error;
  if (typeof syscall !== "string" || typeof path !== "string") return undefined;
  return `${path}: ${reasonOf(error)} (${syscall}). ${remedyFor(path, String(code))}`;
}

function remedyFor(path: string, code: string): string {
  if (code === "ENOSPC" || code === "EDQUOT") return "Make room, and try again";
  const isOfCheckout = path.startsWith(`${root}${sep}`);
  if (code === "ENOENT" && isOfCheckout) return "The checkout is not whole: see git status";
  if (path.startsWith(`${tmpdir()}${sep}`) && !isOfCheckout) {
    return `Let TMPDIR name a directory that may be written, not ${tmpdir()}`;
  }
  if (code === "EACCES" || code === "EPERM") return "Run it as the user whose that is";
  return "Mend that, and try again";
}
