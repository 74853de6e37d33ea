/**
 * Disk and stores of one life of a process: once it is dead nothing that it began goes on, whatever still runs.
 *
 * A dead process cannot be taken out of the test's own; what it asks for simply never comes.
 */
import type { Kv, KvStores } from "#runtime/kv/kv.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";

export interface Mortal {
  readonly disk: MemoryDisk;
  readonly kv: KvStores;
  /** Settles when the life is over. */
  readonly dead: Promise<void>;
  readonly isDead: boolean;
  kill(): void;
}

const never = (): Promise<never> => new Promise<never>(() => undefined);

/** Dies before the operation number `operationsMax` of those that change the disk, or when it is killed. */
export function mortal(disk: MemoryDisk, kv: KvStores, operationsMax: number = Number.POSITIVE_INFINITY): Mortal {
  let left = operationsMax;
  let isDead = false;
  let announce: () => void = () => undefined;
  const dead = new Promise<void>((resolve) => {
    announce = resolve;
  });
  const kill = (): void => {
    isDead = true;
    announce();
  };
  const changes: ReadonlySet<PropertyKey> = new Set([
    "write",
    "sync",
    "truncate",
    "open",
    "syncDirectory",
    "makeDirectory",
    "rename",
    "remove",
  ]);
  const guarded = new Proxy(disk, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...parameters: unknown[]) => {
        if (isDead) return never();
        if (changes.has(name)) left -= 1;
        if (left > 0) return Reflect.apply(member, target, parameters);
        // Half of the writes that a crash interrupts have reached the cache.
        if (name === "write" && operationsMax % 2 === 0) void Reflect.apply(member, target, parameters);
        kill();
        return never();
      };
    },
  });
  return {
    disk: guarded,
    kv: { open: async (...of) => mortalKv(await kv.open(...of), () => isDead) },
    dead,
    kill,
    get isDead() {
      return isDead;
    },
  };
}

type Opened = Awaited<ReturnType<KvStores["open"]>>;

function mortalKv(opened: Opened, isDead: () => boolean): Opened {
  if (!opened.ok) return opened;
  const kv = opened.value;
  const guarded: Kv = {
    get: (key) => (isDead() ? undefined : kv.get(key)),
    range: (from, to, limit) => (isDead() ? [] : kv.range(from, to, limit)),
    batch: (changes) => (isDead() ? never() : kv.batch(changes)),
    count: () => (isDead() ? 0 : kv.count()),
    flush: () => (isDead() ? never() : kv.flush()),
    close: () => (isDead() ? never() : kv.close()),
  };
  return { ok: true, value: guarded };
}
