/**
 * The disk of a cell: where the data directory is away nothing is made in its place, whoever asks for it. A directory or a
 * file that is made is the first of what would be acknowledged there, and hidden when the directory is back.
 *
 * It looks before what is rare: neither reading nor writing to a file that is open costs anything.
 */
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { diskOver } from "#runtime/disk/disk-over.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { DataCheck } from "#supervisor/data-mark.ts";

export function diskAtData(disk: Disk, directory: string, checkData: DataCheck): Disk {
  const mayMake = async (path: string): Promise<Result<void, DiskFailure>> => {
    const isInside = path === directory || path.startsWith(`${directory}/`);
    const there = isInside ? await checkData() : ok();
    if (there.ok) return there;
    const { failure } = there;
    return fail(failure.code === "disk.broken" ? { ...failure, path } : { code: "disk.not-found", path });
  };
  return diskOver(disk, {
    open: async (path, mode) => {
      const makes = mode === "create" || mode === "create-new";
      const may = makes ? await mayMake(path) : ok();
      return may.ok ? await disk.open(path, mode) : may;
    },
    makeDirectory: async (path) => {
      const may = await mayMake(path);
      return may.ok ? await disk.makeDirectory(path) : may;
    },
    replaceFile: async (path, contents) => {
      const may = await mayMake(path);
      return may.ok ? await disk.replaceFile(path, contents) : may;
    },
  });
}
