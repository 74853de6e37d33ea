/**
 * The disk of a cell: where the data directory is away, what is at its path instead is nobody's. Nothing is made or changed
 * there, for it would be acknowledged, and hidden when the directory is back; and nothing there is read or missed, for it
 * would pass for damage of what is elsewhere. All of that fails with `ENODEV`.
 *
 * Only what is rare costs a look: neither reading nor writing of a file that is open does.
 */
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { diskOver } from "#runtime/disk/disk-over.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { DataCheck } from "#supervisor/data-mark.ts";

type Answer<Value> = Promise<Result<Value, DiskFailure>>;

export function diskAtData(disk: Disk, directory: string, checkData: DataCheck): Disk {
  const check = async (path: string): Answer<void> => {
    const isInside = path === directory || path.startsWith(`${directory}/`);
    const there = isInside ? await checkData() : ok();
    if (there.ok) return there;
    const { failure } = there;
    return fail(failure.code === "disk.broken" ? { ...failure, path } : diskFailure("ENODEV", path));
  };
  /** Looks before it. */
  const changing = async <Value>(path: string, change: () => Answer<Value>): Answer<Value> => {
    const there = await check(path);
    return there.ok ? await change() : there;
  };
  /** Looks after it: what was found was found there. */
  const reading = async <Value>(path: string, read: () => Answer<Value>): Answer<Value> => {
    const outcome = await read();
    const there = await check(path);
    return there.ok ? outcome : there;
  };
  const openToRead = async (path: string): Answer<number> => {
    const opened = await disk.open(path, "read");
    const there = await check(path);
    if (there.ok) return opened;
    if (opened.ok) await disk.close(opened.value);
    return there;
  };
  return diskOver(disk, {
    open: (path, mode) => (mode === "read" ? openToRead(path) : changing(path, () => disk.open(path, mode))),
    list: (path) => reading(path, () => disk.list(path)),
    readFile: (path) => reading(path, () => disk.readFile(path)),
    makeDirectory: (path) => changing(path, () => disk.makeDirectory(path)),
    rename: (from, to) => changing(from, () => disk.rename(from, to)),
    remove: (path) => changing(path, () => disk.remove(path)),
    removeTree: (path) => changing(path, () => disk.removeTree(path)),
    replaceFile: (path, contents) => changing(path, () => disk.replaceFile(path, contents)),
  });
}
