/**
 * The disk and the stores as one life of a simulated process sees them.
 *
 * - An operation ends as a macrotask of the life's scheduler, and some take a while, so that those under way at once end in
 *   any order, as with a real disk.
 * - Every operation is told, with what came of it.
 * - After the end of the life nothing that was asked comes, and nothing more is done: a process that is gone cannot be taken
 *   out of the one that simulates it, but what it waits for never happens.
 */
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { Kv, KvStores } from "#runtime/kv/kv.ts";
import type { Random } from "#runtime/random.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import type { DiskOperation, MemoryDisk } from "#runtime/simulated/disk.ts";

/** Of so many operations one takes a while, the others no simulated time. */
const SLOW_ONE_IN = 16;
/** Longest time that it takes, ms. */
const SLOW_MS_MAX = 8;

export interface LifeOfDisk {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  isOver(): boolean;
  /** Hears of every operation, before its outcome is handed over. */
  tell(kind: string, ...details: readonly unknown[]): void;
  /** An operation is about to be done. It may end the life. */
  operates(operation: DiskOperation): void;
}

/** Named here, so that one more in the seam is missed by the compiler and not by a simulation. */
const OPERATIONS: Readonly<Record<DiskOperation, true>> = {
  open: true,
  close: true,
  read: true,
  write: true,
  sync: true,
  truncate: true,
  sizeBytes: true,
  list: true,
  makeDirectory: true,
  rename: true,
  remove: true,
  removeTree: true,
  syncDirectory: true,
  readFile: true,
  replaceFile: true,
  space: true,
};

type Outcome = { readonly ok: boolean; readonly value?: unknown };
type Operation = (...asked: readonly unknown[]) => Promise<Outcome>;

export function lifeDisk(disk: MemoryDisk, life: LifeOfDisk): Disk {
  const operations = (Object.keys(OPERATIONS) as DiskOperation[]).map((name) => {
    const operation = Reflect.get(disk, name) as Operation;
    return [name, (...asked: readonly unknown[]) => operate(life, name, asked, operation.bind(disk))];
  });
  return {
    ...(Object.fromEntries(operations) as Pick<Disk, DiskOperation>),
    watch: (path, onChange) =>
      disk.watch(path, () => {
        if (!life.isOver()) onChange();
      }),
  };
}

async function operate(
  life: LifeOfDisk,
  name: DiskOperation,
  asked: readonly unknown[],
  operation: Operation,
): Promise<Outcome> {
  await untilServed(life);
  life.operates(name);
  if (life.isOver()) return await never();
  const outcome = await operation(...asked);
  if (life.isOver()) return await never();
  life.tell("disk", name, name === "read" ? toldOfRead(asked, outcome) : asked, outcome);
  return outcome;
}

/** Of the buffer what was read, which is nothing if it failed: the rest is whatever the memory held before. */
function toldOfRead(asked: readonly unknown[], { value }: Outcome): unknown {
  const count = typeof value === "number" ? value : 0;
  return asked.map((given) => (given instanceof Uint8Array ? given.subarray(0, count) : given));
}

/** Settles when the disk comes to an operation; never in a life that is over. */
function untilServed({ clock, scheduler, random }: LifeOfDisk): Promise<void> {
  return new Promise((resolve) => {
    if (random.below(SLOW_ONE_IN) === 0) clock.after(random.below(SLOW_MS_MAX), resolve);
    else scheduler.macrotask(resolve);
  });
}

export function lifeStores(stores: KvStores, life: LifeOfDisk): KvStores {
  return {
    open: async (directory, options) => {
      await untilServed(life);
      const opened = await stores.open(directory, options);
      if (life.isOver()) return await never();
      life.tell("kv", "open", directory, opened.ok ? "ok" : opened.failure);
      return opened.ok ? { ok: true, value: lifeStore(opened.value, directory, life) } : opened;
    },
  };
}

function lifeStore(kv: Kv, directory: string, life: LifeOfDisk): Kv {
  const waited = async (name: string, run: () => Promise<void>): Promise<void> => {
    if (life.isOver()) return await never();
    await run();
    if (life.isOver()) return await never();
    life.tell("kv", name, directory);
  };
  return {
    get: (key) => (life.isOver() ? undefined : kv.get(key)),
    range: (from, to, limit) => (life.isOver() ? [] : kv.range(from, to, limit)),
    count: () => (life.isOver() ? 0 : kv.count()),
    batch: (changes) => waited(`batch ${changes.length}`, () => kv.batch(changes)),
    flush: () => waited("flush", () => kv.flush()),
    close: () => waited("close", () => kv.close()),
  };
}

function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}
