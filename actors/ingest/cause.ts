/** Why something failed, in one line: the words of the system that did, or the name of the failure. */
import type { Failure } from "#runtime/errors.ts";

export function causeOf(failure: Failure & { readonly cause?: unknown; readonly message?: unknown }): string {
  const { code, cause, message } = failure;
  if (typeof cause === "string") return cause;
  if (isFailure(cause)) return `${code}: ${cause.code}`;
  return typeof message === "string" ? message : code;
}

function isFailure(value: unknown): value is Failure {
  return typeof value === "object" && value !== null && "code" in value && typeof value.code === "string";
}
