/** Locks of a simulated node: one table for all processes of the simulation; a killed holder is dropped by hand. */
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { Held, Locks } from "#runtime/lock/lock.ts";
import { pollLock } from "#runtime/lock/poll-lock.ts";

export interface MemoryLocks extends Locks {
  /** What the kernel does when the process that holds `path` dies. */
  dropHolder(path: string): void;
  readonly held: ReadonlySet<string>;
}

/** With a `disk`, the lock file is made there, as with a real one: whoever looks for it finds it. */
export function memoryLocks(clock: Clock, disk?: Disk): MemoryLocks {
  const holders = new Map<string, Held>();
  const lock = (path: string): Held | undefined => {
    if (holders.has(path)) return undefined;
    const held: Held = {
      release: () => {
        // A holder that was dropped and replaced must not release its successor's lock.
        if (holders.get(path) === held) holders.delete(path);
      },
    };
    holders.set(path, held);
    return held;
  };
  return {
    acquire: async (path, { waitMs }) => {
      const acquired = await pollLock(path, waitMs, clock, () => lock(path));
      if (acquired.ok && disk !== undefined) await touch(disk, path);
      return acquired;
    },
    dropHolder: (path) => {
      holders.delete(path);
    },
    get held() {
      return new Set(holders.keys());
    },
  };
}

async function touch(disk: Disk, path: string): Promise<void> {
  const opened = await disk.open(path, "create");
  if (opened.ok) await disk.close(opened.value);
}
