/** What room there is on volumes, and why there is none. */
import type { VolumeView } from "#actors/storage/volumes/volume-view.ts";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface VolumeRoomDeps {
  /** Those that may be written. */
  readonly open: () => readonly VolumeView[];
  readonly all: () => readonly VolumeView[];
  /** Free space that writes leave alone, on each volume. */
  readonly reserveBytes: () => number;
  /** Bytes that are written for each that is put. */
  readonly overhead: () => number;
}

/** Of all that may be written: what fits, if every byte takes its share of redundancy. */
export function volumeRoom({ all, open, overhead, reserveBytes }: VolumeRoomDeps): Pick<Disk, "space"> {
  return {
    space: async () => {
      const volumes = onePerFileSystem(open());
      const refusal = refusalOf(all());
      if (volumes.length === 0 && refusal.code !== "disk.full") return fail(refusal);
      const sum = (bytesOf: (view: VolumeView) => number): number =>
        Math.floor(volumes.reduce((total, view) => total + bytesOf(view), 0) / overhead());
      const reserve = reserveBytes();
      const freeBytes = sum((view) => Math.max(0, view.freeBytes - reserve));
      return ok({
        freeBytes: freeBytes + (volumes.length > 0 ? reserve : 0),
        totalBytes: sum(({ totalBytes }) => totalBytes),
      });
    },
  };
}

/** Why none of them may be written, where that is so: one is full, or want of room is not why. */
export function refusalOf(all: readonly Pick<VolumeView, "state">[]): DiskFailure {
  const isFull = all.some(({ state }) => state === "full");
  if (isFull) return { code: "disk.full", path: "every volume" };
  return { code: "disk.broken", path: "volumes", errno: "ENODEV" };
}

/** What several directories of one file system have free is free once. */
function onePerFileSystem(views: readonly VolumeView[]): readonly VolumeView[] {
  return [...new Map(views.map((view) => [view.fileSystem ?? view.id, view])).values()];
}
