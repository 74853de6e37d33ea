/**
 * A disk whose files lie in memory: a real one on a tmpfs, that never offers more space than the machine has memory for.
 *
 * A tmpfs promises its size whether the memory is there or not; taking it at its word ends in the kernel killing somebody.
 */
import type { Disk } from "#runtime/disk/disk.ts";
import { diskOver } from "#runtime/disk/disk-over.ts";
import { ok } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Memory that files in memory leave to the programs of the machine. What storage keeps back comes on top of it. */
export const MEMORY_LEFT_BYTES: number = 256 * MiB;

/** `availableBytes`: of memory, within the limits of this process's control group. */
export function diskInMemory(disk: Disk, availableBytes: () => number): Disk {
  return diskOver(disk, {
    space: async (directory) => {
      const space = await disk.space(directory);
      if (!space.ok) return space;
      const { freeBytes, totalBytes } = space.value;
      const memoryBytes = Math.max(0, availableBytes() - MEMORY_LEFT_BYTES);
      // A ramfs has no size of its own.
      return ok({ totalBytes, freeBytes: totalBytes === 0 ? memoryBytes : Math.min(freeBytes, memoryBytes) });
    },
  });
}
