/** From the system's error names to the failures of the disk seam, and back: one table for the real disk and the simulated one. */
import type { DiskBroken, DiskFailure } from "#runtime/disk/disk.ts";
import { MiB } from "#runtime/units.ts";

/** `errno` is the system's own name. `EFBIG` is a file size limit of the process: as full as a full disk. */
export function diskFailure(errno: string, path: string): DiskFailure {
  switch (errno) {
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return { code: "disk.full", path };
    case "ENOENT":
      return { code: "disk.not-found", path };
    case "EEXIST":
      return { code: "disk.exists", path };
    default:
      return { code: "disk.broken", path, errno };
  }
}

/** The system's name of it; of those of which several are one failure, the most usual. */
export function errnoOf(failure: DiskFailure): string {
  if (failure.code === "disk.broken") return failure.errno;
  return { "disk.full": "ENOSPC", "disk.exists": "EEXIST", "disk.not-found": "ENOENT" }[failure.code];
}

const WANT_OF_MEANS: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"]);

/** Whether this process, or its machine, had no descriptors or memory left: that says nothing about what was asked for. */
export function isWantOfMeans(failure: DiskFailure): failure is DiskBroken {
  return failure.code === "disk.broken" && WANT_OF_MEANS.has(failure.errno);
}

/** `readFile` and `replaceFile` are for small files: past this, `disk.broken` with `EFBIG`, and nothing is read. */
export const wholeFileBytesMax: number = 16 * MiB;
