/** Locks of simulated processes: one table for all of a simulation, from which a process that ends is dropped. */
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { Held, Locks } from "#runtime/lock/lock.ts";
import { pollLock } from "#runtime/lock/poll-lock.ts";

/** Who holds which path. */
export type LockTable = Map<string, Held>;

export interface MemoryLocksOptions {
  /** Shared by processes that exclude each other. Default: one of its own. */
  readonly table?: LockTable;
  /** Where lock files are made, as with a real lock: whoever looks for one finds it. */
  readonly disk?: Disk;
}

export interface MemoryLocks extends Locks {
  /** What the kernel does when the process that holds `path` dies. */
  dropHolder(path: string): void;
  /** What the kernel does when the process that acquired by this value dies. */
  dropAll(): void;
  readonly held: ReadonlySet<string>;
}

export function memoryLocks(clock: Clock, { table = new Map(), disk }: MemoryLocksOptions = {}): MemoryLocks {
  const own = new Set<Held>();
  const lock = (path: string): Held | undefined => {
    if (table.has(path)) return undefined;
    const held: Held = {
      release: () => {
        own.delete(held);
        // A holder that was dropped and replaced must not release its successor's lock.
        if (table.get(path) === held) table.delete(path);
      },
    };
    own.add(held);
    table.set(path, held);
    return held;
  };
  return {
    acquire: async (path, { waitMs }) => {
      const acquired = await pollLock(path, waitMs, clock, () => lock(path));
      if (acquired.ok && disk !== undefined) await touch(disk, path);
      return acquired;
    },
    dropHolder: (path) => {
      table.delete(path);
    },
    dropAll: () => {
      for (const held of [...own]) held.release();
    },
    get held() {
      return new Set(table.keys());
    },
  };
}

async function touch(disk: Disk, path: string): Promise<void> {
  const opened = await disk.open(path, "create");
  if (opened.ok) await disk.close(opened.value);
}
