/** What the error line of a Redis means to whoever asked, in words that tell no secret. */
import { fail, type Result } from "#runtime/errors.ts";
import type { RedisFailure, RedisRefused, RedisUnreachable } from "#runtime/redis/redis.ts";

/** Characters of what a server says that are kept. */
export const REDIS_MESSAGE_LENGTH_MAX = 500;

/**
 * First words by which a server says that it cannot serve, whatever it is asked, or whatever it is asked to write. It looks
 * before it runs a command, so nothing was done. `OOM` is not among them (`RedisRefused`).
 */
const UNABLE: ReadonlySet<string> = new Set([
  "LOADING",
  // A script has been running for seconds.
  "BUSY",
  // A replica without its master.
  "MASTERDOWN",
  // A replica: the master is another one now.
  "READONLY",
  // It could not write what it has to keep.
  "MISCONF",
  "NOREPLICAS",
  "CLUSTERDOWN",
  "TRYAGAIN",
]);

/** Another server may be behind the same name, or this one comes back as it was: worth a new connection. */
const ELSEWHERE: ReadonlySet<string> = new Set(["LOADING", "MASTERDOWN", "READONLY", "CLUSTERDOWN"]);

/** Redis tells whoever sends what it does not know the words that came with it, and one may be a secret. */
const ARGUMENTS = /,? with args beginning with:.*$/s;

/** It says so to whoever comes then, in place of an answer to the first command. */
const FULL = /^ERR max number of clients reached/;

/** What is said of a transaction that is refused as a whole. */
const ABORTED = /^EXECABORT Transaction discarded because of: -?/;

/** What `line`, without the sign of an error, comes to. */
export function failureOf(line: string): RedisFailure {
  const refusal = refusalOf(line);
  const { kind, message } = refusal;
  if (!UNABLE.has(kind) && !FULL.test(line)) return refusal;
  // What a script had written before it was told so stays written.
  const executed = /\bscript: /.test(message) ? "maybe" : "no";
  return { code: "redis.unreachable", executed, cause: `${kind} ${message}` };
}

/** The same for what is known to have been run. */
export function refusalOf(line: string): RedisRefused {
  const [, kind = "", rest = ""] = /^([A-Z][A-Z0-9_]*)(?: (.*))?$/s.exec(line.replace(ABORTED, "")) ?? [
    "",
    "ERR",
    line,
  ];
  return { code: "redis.refused", kind, message: rest.replace(ARGUMENTS, "").slice(0, REDIS_MESSAGE_LENGTH_MAX) };
}

/** Whether a new connection may find a server that can. */
export function isElsewhere(line: string): boolean {
  return ELSEWHERE.has(/^[A-Z]+/.exec(line)?.[0] ?? "");
}

/** In one line. */
export function causeOf(failure: RedisFailure): string {
  return failure.code === "redis.unreachable" ? failure.cause : `${failure.kind} ${failure.message}`;
}

/** Whether it is certain that nothing was done. */
export function isUndone(failure: RedisFailure): boolean {
  return failure.code === "redis.refused" || failure.executed === "no";
}

export function unreachable(executed: "no" | "maybe", cause: string): Result<never, RedisUnreachable> {
  return fail({ code: "redis.unreachable", executed, cause });
}
