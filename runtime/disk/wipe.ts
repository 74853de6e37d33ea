/**
 * Removes a directory after its files were overwritten with zeros: for files in memory, whose pages the kernel gives back as
 * they are. On a disk it would promise what no disk keeps.
 */
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Zeros written at a time. */
const PART_BYTES = 4 * MiB;

/** Nobody may write there any more. Names in `kept` stay, directly below `directory` only, and so does it with them. */
export async function wipe(
  disk: Disk,
  directory: string,
  kept: readonly string[] = [],
): Promise<Result<void, DiskFailure>> {
  const zeros = new Uint8Array(PART_BYTES);
  await overwriteAll(disk, directory, kept, zeros);
  if (kept.length === 0) return await disk.removeTree(directory);
  const listed = await disk.list(directory);
  if (!listed.ok) return listed;
  for (const { name, kind } of listed.value) {
    if (kept.includes(name)) continue;
    const path = `${directory}/${name}`;
    const removed = await (kind === "directory" ? disk.removeTree(path) : disk.remove(path));
    if (!removed.ok) return removed;
  }
  return ok();
}

/** What cannot be overwritten is removed all the same. */
async function overwriteAll(disk: Disk, directory: string, kept: readonly string[], zeros: Uint8Array): Promise<void> {
  const listed = await disk.list(directory);
  for (const { name, kind, sizeBytes } of listed.ok ? listed.value : []) {
    if (kept.includes(name)) continue;
    if (kind === "directory") await overwriteAll(disk, `${directory}/${name}`, [], zeros);
    if (kind === "file") await overwrite(disk, `${directory}/${name}`, sizeBytes, zeros);
  }
}

async function overwrite(disk: Disk, path: string, sizeBytes: number, zeros: Uint8Array): Promise<void> {
  const opened = await disk.open(path, "write");
  if (!opened.ok) return;
  for (let done = 0; done < sizeBytes; done += zeros.length) {
    const part = sizeBytes - done < zeros.length ? zeros.subarray(0, sizeBytes - done) : zeros;
    const written = await disk.write(opened.value, [part], done);
    if (!written.ok) break;
  }
  await disk.close(opened.value);
}
