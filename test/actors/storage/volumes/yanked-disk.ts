/** A disk of which some directories are on volumes that can be yanked: then all that is asked of what they hold fails. */
import { fail } from "#runtime/errors.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

export class YankedDisk {
  readonly disk: MemoryDisk;
  /** Volumes that answer nothing. */
  readonly dead: Set<string> = new Set();

  constructor(disk: MemoryDisk) {
    this.disk = watchedDisk(disk, async ({ path }, begin) =>
      this.#isDead(path) ? fail({ code: "disk.broken", path, errno: "EIO" }) : await begin(),
    );
  }

  #isDead(path: string): boolean {
    for (const volume of this.dead) if (path === volume || path.startsWith(`${volume}/`)) return true;
    return false;
  }
}
