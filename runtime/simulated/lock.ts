/** Locks of a simulated node: one table for all processes of the simulation; a killed holder is dropped by hand. */
import type { Clock } from "#runtime/clock.ts";
import type { Held, Locks } from "#runtime/lock/lock.ts";
import { pollLock } from "#runtime/lock/poll-lock.ts";

export interface MemoryLocks extends Locks {
  /** What the kernel does when the process that holds `path` dies. */
  dropHolder(path: string): void;
  readonly held: ReadonlySet<string>;
}

export function memoryLocks(clock: Clock): MemoryLocks {
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
    acquire: (path, { waitMs }) => pollLock(path, waitMs, clock, () => lock(path)),
    dropHolder: (path) => {
      holders.delete(path);
    },
    get held() {
      return new Set(holders.keys());
    },
  };
}
