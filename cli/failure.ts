/**
 * How a command can fail, as data: one code and one sentence, printed as one line. What the node answered keeps the
 * node's own code.
 */
import type { Failure, Result } from "#runtime/errors.ts";

export type CliFailure = { readonly message: string } & (
  | Failure<"cli.not-running">
  | Failure<"cli.not-allowed">
  | Failure<"cli.socket-gone">
  | Failure<"cli.no-answer">
  | Failure<"cli.unreachable">
  | Failure<"cli.bad-answer">
  | Failure<"cli.usage">
  | Failure<"cli.bad-url">
  | Failure<"cli.bad-name">
  | Failure<"cli.bad-key">
  | Failure<"cli.key-in-use">
  | Failure<"cli.file-unreadable">
  | Failure<"cli.file-unwritable">
  | Failure<"cli.file-exists">
  | Failure<"cli.directory-in-use">
  | Failure<"cli.bytes-differ">
  | Failure<"cli.cut-short">
  | Failure<"cli.left-out">
  | Failure<"cli.tree-refused">
  | Failure<"cli.still-running">
  | Failure<"cli.volume-not-present">
  | Failure<"cli.not-repairable">
  | Failure<"cli.repair-waiting">
  | Failure<"cli.not-scrubbed">
  | Failure<"cli.not-collected">
  | Failure<"cli.no-administrators">
  | Failure<"cli.not-trusted">
  | Failure<"cli.no-such-key">
  | Failure<"cli.still-dead">
  | Failure<"cli.no-ref">
  | Failure<"cli.link-unreachable">
  | Failure<"cli.link-wrong">
);

/** The node said no. `code` is its own, see `specs/errors.md`. */
export interface NodeRefusal extends Failure {
  readonly message: string;
  /** When it may be asked again, if it said so. */
  readonly retryAfterMs?: number | undefined;
}

export type Outcome<Value = void> = Result<Value, CliFailure | NodeRefusal>;

/** What the system says of an error, without Node's decoration: `ENOENT: no such file or directory`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message.replace(/, \w+( '.*)?$/, "");
}

/** The system's name of an error, such as `ECONNREFUSED`. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
