/**
 * A disk whose files lie in memory: a real one on a tmpfs, that never offers more space than the machine has memory for.
 *
 * A tmpfs promises its size whether the memory is there or not; taking it at its word ends in the kernel killing somebody.
 */
import type { Disk } from "#runtime/disk/disk.ts";
import { ok } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Memory that files in memory leave to the programs of the machine. What storage keeps back comes on top of it. */
export const MEMORY_LEFT_BYTES: number = 256 * MiB;

/** `availableBytes`: of memory, within the limits of this process's control group. */
export function diskInMemory(disk: Disk, availableBytes: () => number): Disk {
  return {
    open: (path, mode) => disk.open(path, mode),
    close: (descriptor) => disk.close(descriptor),
    read: (descriptor, into, position) => disk.read(descriptor, into, position),
    write: (descriptor, parts, position) => disk.write(descriptor, parts, position),
    sync: (descriptor) => disk.sync(descriptor),
    truncate: (descriptor, sizeBytes) => disk.truncate(descriptor, sizeBytes),
    sizeBytes: (descriptor) => disk.sizeBytes(descriptor),
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    removeTree: (directory) => disk.removeTree(directory),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    readFile: (path) => disk.readFile(path),
    replaceFile: (path, contents) => disk.replaceFile(path, contents),
    watch: (path, onChange) => disk.watch(path, onChange),
    space: async (directory) => {
      const space = await disk.space(directory);
      if (!space.ok) return space;
      const { freeBytes, totalBytes } = space.value;
      const memoryBytes = Math.max(0, availableBytes() - MEMORY_LEFT_BYTES);
      // A ramfs has no size of its own.
      return ok({ totalBytes, freeBytes: totalBytes === 0 ? memoryBytes : Math.min(freeBytes, memoryBytes) });
    },
  };
}
