/** Whether a file was removed under the node. */
import { basename, dirname } from "node:path";
import type { Disk } from "#runtime/disk/disk.ts";

/**
 * Asked of the directory: a process that opens and closes its own lock file has lost the lock. A directory that cannot be
 * read says nothing.
 */
export async function isGone(disk: Disk, path: string): Promise<boolean> {
  const listed = await disk.list(dirname(path));
  return listed.ok && !listed.value.some(({ name }) => name === basename(path));
}
