/** A disk of which some directories are on volumes that hang: what is asked of them is done when they thaw, and not before. */
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type Asked, watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

export class HungDisk {
  readonly disk: MemoryDisk;
  /** What has begun on hung volumes, as `operation path`. */
  readonly hanging: string[] = [];
  readonly #hung = new Map<string, { readonly thawed: PromiseWithResolvers<void>; readonly reads: boolean }>();

  constructor(disk: MemoryDisk) {
    this.disk = watchedDisk(disk, (asked, begin) => {
      const thawed = this.#thawed(asked);
      if (thawed === undefined) return begin();
      this.hanging.push(`${asked.name} ${asked.path}`);
      return thawed.then(begin);
    });
  }

  /** Until it thaws, as a file system that was frozen: it can be read. With `reads` it answers nothing at all. */
  hang(volume: string, { reads = false }: { readonly reads?: boolean } = {}): void {
    this.#hung.set(volume, { thawed: Promise.withResolvers(), reads });
  }

  thaw(volume: string): void {
    this.#hung.get(volume)?.thawed.resolve();
    this.#hung.delete(volume);
  }

  #thawed({ path, isRead }: Asked): Promise<void> | undefined {
    for (const [volume, { thawed, reads }] of this.#hung) {
      if (path.startsWith(`${volume}/`) && (reads || !isRead)) return thawed.promise;
    }
    return undefined;
  }
}
