/**
 * What may be opened as a lock. Opening one is opening a database, and follows links: only what is nothing yet, or an empty
 * file, is taken for one.
 */
import { lstat } from "node:fs/promises";
import { errnoOf } from "#cli/failure.ts";

/** Throws what the disk refuses. `ownerId` is of the user whose it must be; some file systems show another for all files. */
export async function isLockable(path: string, ownerId?: number): Promise<boolean> {
  const found = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) return true;
  return found.isFile() && found.size === 0 && (ownerId === undefined || found.uid === ownerId);
}
