/** A directory that only its owner can enter: made, or found and checked. For sockets and other keys to the node. */
import { lstatSync, mkdirSync } from "node:fs";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** Somebody else could enter it, or it cannot be made. Nothing may be put there. */
export interface DirectoryNotPrivate extends Failure<"disk.not-private"> {
  readonly path: string;
  readonly cause: string;
}

/** Another user may have made it first in a place that all can write: owner, kind and mode are checked, never mended. */
export function ensurePrivateDirectory(path: string): Result<void, DirectoryNotPrivate> {
  const refuse = (cause: string) => fail({ code: "disk.not-private", path, cause });
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) return refuse(String(error));
  }
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return refuse("it vanished");
  if (!facts.isDirectory()) return refuse("it is no directory");
  if (facts.uid !== ownUserId()) return refuse(`it belongs to user ${facts.uid}`);
  if ((facts.mode & 0o077) !== 0) return refuse(`its mode is ${(facts.mode & 0o777).toString(8)}, not 700`);
  return ok();
}

/** Of this process; it may be of a user that the system has no name for, as in a container. 0 where there are no users. */
export function ownUserId(): number {
  return process.getuid?.() ?? 0;
}
