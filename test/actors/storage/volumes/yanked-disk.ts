/**
 * A disk of which some directories are on volumes that can be yanked: then all that is asked of what they hold fails. Or they hang: then
 * it is done when they thaw, and not before.
 */
import { fail } from "#runtime/errors.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

export class YankedDisk {
  readonly disk: MemoryDisk;
  /** Volumes that answer nothing. */
  readonly dead: Set<string> = new Set();
  readonly #hung = new Map<string, PromiseWithResolvers<void>>();

  constructor(disk: MemoryDisk) {
    this.disk = watchedDisk(disk, async ({ path }, begin) => {
      const volume = path.split("/", 2).join("/");
      await this.#hung.get(volume)?.promise;
      return this.dead.has(volume) ? fail({ code: "disk.broken", path, errno: "EIO" }) : await begin();
    });
  }

  /** Volumes that hang. */
  get hung(): readonly string[] {
    return [...this.#hung.keys()];
  }

  hang(volume: string): void {
    this.#hung.set(volume, Promise.withResolvers());
  }

  /** False where it does not hang. */
  thaw(volume: string): boolean {
    this.#hung.get(volume)?.resolve();
    return this.#hung.delete(volume);
  }
}
