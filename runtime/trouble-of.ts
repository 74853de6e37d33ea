/**
 * Why something failed, in a line that may be shown to anybody who sees how a node is.
 *
 * The words of a refusal are a server's, and may tell of what was asked with: they stay where the server has its log.
 */
import type { Failure } from "#runtime/errors.ts";

interface Described {
  /** The words of a system, without anybody's data; or the failure that was the reason. */
  readonly cause?: unknown;
  /** How a database, or Redis, calls what it refused. */
  readonly state?: unknown;
  readonly kind?: unknown;
}

export function troubleOf({ code, cause, state, kind }: Failure & Described): string {
  if (typeof cause === "string") return cause;
  if (isFailure(cause)) return `${code}: ${cause.code}`;
  const word = state ?? kind;
  return typeof word === "string" ? `${code} ${word}` : code;
}

function isFailure(value: unknown): value is Failure {
  return typeof value === "object" && value !== null && "code" in value && typeof value.code === "string";
}
