/**
 * The name under which a command writes a file until it is whole. It has the number of its process, so that what was left by one
 * that was killed can be told from what another is writing.
 */
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf } from "#cli/failure.ts";

export function partOf(path: string): string {
  return `${path}.part-${process.pid}`;
}

/** Removes what killed commands have left of `path`. What cannot be looked at, or removed, stays. */
export async function removeDeadParts(path: string): Promise<void> {
  const prefix = `${basename(path)}.part-`;
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names) {
    const digits = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (/^\d{1,10}$/.test(digits) && !isAlive(Number(digits))) {
      await rm(join(dirname(path), name), { force: true }).catch(() => undefined);
    }
  }
}

/** This process has written no part yet when it asks: one with its number was left by a process that had the number before it. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}
