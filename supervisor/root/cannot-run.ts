/** Why a node does not run: what happened, why, what to do next, and the code of the failure behind it. */
import { type Failure, fail, type Result } from "#runtime/errors.ts";

/**
 * The node cannot run. `code` is that of the failure behind it, such as `lock.taken`, and `supervisor.cannot-run` where
 * nothing smaller failed; `message` is for the user.
 */
export interface CannotRun extends Failure {
  readonly message: string;
}

export function cannotRun(code: string, message: string): Result<never, CannotRun> {
  return fail({ code, message });
}

/** One line, whatever stands in the paths and arguments that the message quotes. */
export function lineOf({ code, message }: CannotRun): string {
  return `${code}: ${message}`.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

/** What a failure of the disk or of the network says, in words; the system's own name of it goes along. */
export function reasonOf(failure: Failure): string {
  const name = "errno" in failure ? String(failure.errno) : failure.code;
  const words = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
  return words === undefined ? name : `${words} (${name})`;
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "it is in use",
  EADDRNOTAVAIL: "it is no address of this machine",
  EAI_AGAIN: "the name cannot be looked up",
  EFBIG: "it is too large",
  EIO: "the disk cannot be read or written",
  ELOOP: "its symbolic links go round in circles",
  ENAMETOOLONG: "the name is too long",
  ENOTDIR: "a part of the path is no directory",
  ENOTFOUND: "there is no such name",
  ENOTSUP: "it is no file",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  "disk.exists": "it is no directory",
  "disk.full": "there is no room on the disk",
  "disk.not-found": "it is not there, and cannot be made",
};
