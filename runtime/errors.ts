/**
 * What can go wrong, and who deals with it.
 *
 * - A **failure** is expected. It is plain data, declared in a protocol, carried in a `Result`, and handled by the
 *   caller. Failures are never thrown.
 * - A **defect** is a bug or a broken invariant. It is thrown, it crashes the actor, and only a supervisor deals with
 *   it. Defects are never caught and never appear in a protocol.
 * - An **exit reason** says why an incarnation is no longer running. Supervisors decide on it, and nothing else reads it.
 *
 * If a caller could do something sensible about it, it is a failure. If not, it is a defect.
 */
import { inspect } from "node:util";

/** `code` is `<actor>.<what-went-wrong>`: the discriminant, the log key and the public name. */
export interface Failure<Code extends string = string> {
  readonly code: Code;
}

/** What an operation came to. Look at `ok` before `value` or `failure`: the compiler insists. */
export type Result<Value, F extends Failure = Failure> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: F };

/** The result of what went well. */
export function ok(): Result<void, never>;
export function ok<Value>(value: Value): Result<Value, never>;
export function ok(value?: unknown): Result<unknown, never> {
  return { ok: true, value };
}

/** The result of what did not, in a way that a caller can act on. The type keeps the literal `code`. */
export function fail<const F extends Failure>(failure: F): Result<never, F> {
  return { ok: false, failure };
}

/** A broken invariant. Let it crash: state that failed an assertion is not worth saving. */
export class Defect extends Error {
  override readonly name = "Defect";
}

/** Throws a `Defect` that names the invariant when `condition` does not hold. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Defect(`invariant broken: ${invariant}`);
}

/** Closes a `switch` over a union; adding a variant becomes a compile error here. */
export function unreachable(value: never): never {
  throw new Defect(`unreachable: ${inLine(value)}`);
}

/** The value of a result whose failure nobody here can do anything about: the failure becomes a defect. */
export function must<Value>(result: Result<Value, Failure>, purpose: string): Value {
  if (result.ok) return result.value;
  throw new Defect(`${purpose}: ${inLine(result.failure)}`);
}

/** Why an incarnation is no longer running. */
export type ExitReason =
  | { readonly kind: "normal" }
  | { readonly kind: "shutdown" }
  | { readonly kind: "killed"; readonly afterMs: number }
  | { readonly kind: "crashed"; readonly defect: unknown };

/** OTP's rule for `transient` children: only an abnormal exit is restarted. */
export function isAbnormal(reason: ExitReason): boolean {
  switch (reason.kind) {
    case "normal":
    case "shutdown":
      return false;
    case "killed":
    case "crashed":
      return true;
    default:
      return unreachable(reason);
  }
}

/** One short line about an exit, for logs and `ServiceCrashed`. At most 200 characters. */
export function describeExit(reason: ExitReason): string {
  switch (reason.kind) {
    case "normal":
    case "shutdown":
      return reason.kind;
    case "killed":
      return `killed after ${reason.afterMs} ms`;
    case "crashed":
      return describeDefect(reason.defect).slice(0, 200);
    default:
      return unreachable(reason);
  }
}

/** Anything can be thrown, also what throws when it is looked at. */
function describeDefect(defect: unknown): string {
  try {
    const message: unknown = defect instanceof Error ? defect.message : undefined;
    return typeof message === "string" ? message : inLine(defect).split("\n", 1).join();
  } catch {
    return "a defect that cannot be described";
  }
}

/** For messages, which are one line each. */
function inLine(value: unknown): string {
  return inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true });
}

/** For what comes from where types were not looked at. */
export function isResult(value: unknown): value is Result<unknown, Failure> {
  return typeof value === "object" && value !== null && typeof (value as { ok?: unknown }).ok === "boolean";
}
