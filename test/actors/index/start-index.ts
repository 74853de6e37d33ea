/** Index on a machine of its own, over stores in memory that can refuse writes and lie. */
import { parseAddress, parseDigest } from "#actors/domain/address.ts";
import { type IndexDeps, indexBehavior } from "#actors/index/actor.ts";
import type { IndexConfig } from "#actors/index/config.ts";
import type { IndexEntry, IndexProtocol, ResolvedEntry } from "#actors/index/protocol.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { assert, ok } from "#runtime/errors.ts";
import type { Kv, KvChange, KvStores } from "#runtime/kv/kv.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { type Started, startActor, testMachine } from "#test/kit/actor.ts";

/** Where the index under test keeps its store. */
export const DIRECTORY = "/data/index";
/** And its names. */
export const NAMES_DIRECTORY = "/data/names";

/** Small limits, so that they are met in every run. */
export const smallIndexConfig: IndexConfig = {
  // Three entries, and one address that is unknown.
  cacheBytesMax: 1280,
  pendingEntriesMax: 3,
  mapBytesMax: 1_048_576,
  writeRetryMsMin: 100,
  writeRetryMsMax: 1000,
};

/** What a test does to the store under the index. */
export class StoreControl {
  /** While set, every batch is refused with this message. */
  refusal: string | undefined;
  /** The first batch that is refused is written all the same, in front of the next one that is taken. */
  isLate = false;
  /** While set, batches wait until `release`. */
  isHeld = false;
  /** While set, `get` throws, as a store with a damaged page does. */
  isUnreadable = false;
  /** Batches that were accepted, oldest first. */
  readonly batches: (readonly KvChange[])[] = [];
  /** Count of `get`s so far. */
  getCount = 0;
  #held: (() => void)[] = [];
  #late: KvChange[] = [];

  release(): void {
    this.isHeld = false;
    for (const go of this.#held.splice(0)) go();
  }

  /** The same stores, under this control. */
  over(stores: KvStores): KvStores {
    return {
      open: async (directory, options) => {
        const opened = await stores.open(directory, options);
        return opened.ok ? ok(this.#wrap(opened.value)) : opened;
      },
    };
  }

  #wrap(kv: Kv): Kv {
    return {
      ...kv,
      get: (key) => {
        this.getCount += 1;
        assert(!this.isUnreadable, "a page of the store is damaged");
        return kv.get(key);
      },
      batch: async (changes) => {
        if (this.isHeld) await new Promise<void>((go) => this.#held.push(go));
        if (this.refusal !== undefined && this.isLate && this.#late.length === 0) this.#late = [...changes];
        assert(this.refusal === undefined, this.refusal ?? "");
        if (this.#late.length > 0) await kv.batch(this.#late.splice(0));
        await kv.batch(changes);
        this.batches.push(changes);
      },
    };
  }
}

export interface StartedIndex extends Started<IndexProtocol> {
  readonly stores: MemoryKvStores;
  readonly control: StoreControl;
  /** Trees that were removed, oldest first. */
  readonly removed: string[];
  /** Where the names are. */
  readonly disk: MemoryDisk;
}

export async function startIndex(
  options: {
    readonly config?: Partial<IndexConfig>;
    readonly stores?: MemoryKvStores;
    readonly disk?: MemoryDisk;
  } = {},
): Promise<StartedIndex> {
  const machine = testMachine();
  const disk = options.disk ?? new MemoryDisk();
  const stores = options.stores ?? memoryKvStores();
  const removed: string[] = [];
  const control = new StoreControl();
  const deps: IndexDeps = {
    config: { current: { ...smallIndexConfig, ...options.config } },
    kv: control.over(stores),
    disk: withRemovedTrees(disk, (directory) => {
      removed.push(directory);
      control.isUnreadable = false;
      stores.remove(directory);
    }),
    metrics: machine.metrics,
    directory: DIRECTORY,
    namesDirectory: NAMES_DIRECTORY,
  };
  return { ...(await startActor(indexBehavior, deps, { machine })), stores, control, removed, disk };
}

function withRemovedTrees(disk: MemoryDisk, onRemoved: (directory: string) => void): Disk {
  return new Proxy(disk, {
    get: (target, name) => {
      if (name === "removeTree") {
        return async (directory: string) => {
          onRemoved(directory);
          return ok();
        };
      }
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** The `number`-th of endless different entries. */
export function entryOf(number: number, sizeBytes: number = number): IndexEntry {
  const digits = number.toString(16).padStart(8, "0");
  const address = parseAddress(`b3:${digits.repeat(8)}`);
  const manifest = parseDigest(`${digits.repeat(7)}ffffffff`);
  assert(address !== undefined && manifest !== undefined, "the digits make an address");
  return { address, manifest, sizeBytes, isTransient: false };
}

/** What index answers with for an entry that lasts. */
export function resolvedOf({ address, manifest, sizeBytes }: IndexEntry): ResolvedEntry {
  return { address, manifest, sizeBytes, lasting: manifest };
}
