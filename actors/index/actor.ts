/** Index: `protocol.ts` says what it promises, `config.ts` what its limits are. */
import { join } from "node:path";
import { fullName } from "#actors/domain/name.ts";
import type { NameRecord } from "#actors/domain/name-record.ts";
import { checkIndexConfig, type IndexConfig, indexConfigSchema } from "#actors/index/config.ts";
import { EntryStore, isReadable, isSummary } from "#actors/index/entry-store.ts";
import { Names } from "#actors/index/names/names.ts";
import type {
  IndexEntry,
  IndexEvents,
  IndexFull,
  IndexProtocol,
  NameFrozen,
  NameState,
  NameUnknown,
} from "#actors/index/protocol.ts";
import type { ActorModule, ConfigView } from "#runtime/actor-module.ts";
import type { ActorContext, Behavior, Later } from "#runtime/behavior.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { Defect, fail, must, ok, type Result } from "#runtime/errors.ts";
import type { KvBroken, KvStores } from "#runtime/kv/kv.ts";
import { openOrSpare, type SpareKv } from "#runtime/kv/spare-kv.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { MiB, second } from "#runtime/units.ts";

/** Bound of an index in memory, keys and values: some 800 000 entries, which take twice as much of the heap. */
export const INDEX_MEMORY_BYTES_MAX: number = 64 * MiB;
/** How often an index in memory asks whether the disk has room for it, ms. */
export const MOVE_INTERVAL_MS: number = 5 * second;

/** How often a journal of names that could not be opened, or has closed itself, is opened again, ms. */
export const NAMES_OPEN_INTERVAL_MS: number = 5 * second;

export interface IndexDeps {
  readonly config: ConfigView<IndexConfig>;
  readonly kv: KvStores;
  readonly disk: Disk;
  readonly metrics: Metrics;
  /** Belongs to this actor alone; it is removed when what it holds cannot be read. */
  readonly directory: string;
  /** Of the journal of names, which is never removed. */
  readonly namesDirectory: string;
}

interface IndexState extends IndexDeps {
  readonly store: EntryStore;
  readonly names: Names;
  /** Why names cannot be read or written. Undefined while they can. */
  namesTrouble: string | undefined;
  readonly spare: SpareKv;
  /** Names this incarnation: what was fed to an earlier one may have been lost with it. */
  readonly life: string;
  /** Set until the feeder has said that everything committed is known. It never comes back within a life. */
  rebuilding: { readonly doneCount: number; readonly totalCount: number } | undefined;
}

type Ctx = ActorContext<IndexEvents, IndexState>;

export const indexBehavior: Behavior<IndexProtocol, IndexEvents, IndexDeps, IndexState> = {
  name: "index",

  init: async (deps, ctx) => {
    const { config, disk, metrics, namesDirectory } = deps;
    const kv = await openFresh(deps, ctx);
    const { clock, random } = ctx;
    const onTrouble = (): void => {
      if (store.trouble !== undefined) ctx.log.warn("index.write-refused", { cause: store.trouble });
      announceHealth(state, ctx);
    };
    ctx.scope.add(() => kv.close());
    const store = new EntryStore({ kv, config, clock, random, metrics, onTrouble });
    ctx.scope.add(() => store.close());
    const equivocations = metrics.counter("index_name_equivocations_total", "Names found to be signed for twice.");
    const names = new Names({
      disk,
      random,
      directory: namesDirectory,
      onEquivocation: (name) => {
        equivocations.add();
        ctx.log.warn("index.name-frozen", { name: fullName(name) });
      },
      onTrouble: (cause) => {
        if (cause !== undefined) ctx.log.warn("index.names-unavailable", { cause });
        state.namesTrouble = cause;
        announceHealth(state, ctx);
        if (cause !== undefined) openNamesLater(ctx);
      },
    });
    ctx.scope.add(() => names.close());
    const state: IndexState = {
      ...deps,
      store,
      names,
      namesTrouble: undefined,
      spare: kv,
      life: ctx.random.id(),
      rebuilding: { doneCount: store.entryCount, totalCount: store.entryCount },
    };
    announceHealth(state, ctx);
    if (kv.isInMemory) {
      ctx.log.warn("index.in-memory", { directory: deps.directory });
      moveLater(ctx);
    }
    // Not waited for: addresses are resolved meanwhile, and names wait for it themselves.
    void names.open();
    return state;
  },

  failpoints: ["record-taken", "entries-recorded", "name-durable"],

  handlers: {
    resolve: (state, { address }) => {
      const entry = state.store.find(address);
      if (entry === "damaged") return discard(state);
      if (entry !== undefined) return ok(entry);
      const { rebuilding } = state;
      return rebuilding === undefined
        ? fail({ code: "index.unknown", address })
        : fail({ code: "index.rebuilding", ...rebuilding });
    },

    record: (state, { entries, checkpoint, isDurable }, ctx) => {
      ctx.maybe("record-taken");
      const { store, life } = state;
      const full = fullness(state);
      if (full !== undefined) return fail(full);

      const newCount = countNew(store, entries);
      if (newCount === "damaged") return discard(state);
      const isCurrent = checkpoint === undefined || checkpoint.life === life;
      // A feeder that began with an earlier life told that one its first pages: its entries are true, its cursor is not.
      store.add(entries, newCount, isCurrent ? checkpoint?.cursor : undefined);
      ctx.maybe("entries-recorded");
      const answer = isCurrent ? ok() : fail({ code: "index.restarted", life });
      if (isDurable === true) {
        return ctx.later(
          () => store.durable(),
          (_state, isWritten) =>
            isWritten ? answer : fail({ code: "index.not-written", cause: store.trouble ?? "the index ends" }),
        );
      }
      return whenRoom(store, ctx, answer);
    },

    forget: (state, { address }, ctx) => {
      const { store } = state;
      const isKnown = store.has(address);
      if (isKnown === "damaged") return discard(state);
      if (!isKnown) return ok();
      const full = fullness(state);
      if (full !== undefined) return fail(full);
      store.remove(address);
      return whenRoom(store, ctx, ok());
    },

    loosen: (state, { address }, ctx) => {
      const { store } = state;
      const entry = store.find(address);
      if (entry === "damaged") return discard(state);
      if (entry?.lasting === undefined) return ok();
      const full = fullness(state);
      if (full !== undefined) return fail(full);
      store.loosen(entry);
      return whenRoom(store, ctx, ok());
    },

    readCheckpoint: ({ store, life }) => ok({ cursor: store.checkpoint, life, entryCount: store.entryCount }),

    reportRebuild: (state, { life, doneCount, totalCount, done }, ctx) => {
      if (life !== state.life) return fail({ code: "index.restarted", life: state.life });
      if (state.rebuilding === undefined) return ok();
      state.rebuilding = done ? undefined : { doneCount, totalCount };
      announceHealth(state, ctx);
      return ok();
    },

    setName: ({ names }, { record }, ctx) =>
      ctx.later(
        () => names.set(record),
        (_state, outcome, settled) => {
          if (outcome.ok) settled.maybe("name-durable");
          return outcome;
        },
      ),

    judgeName: ({ names }, { record }, ctx) =>
      ctx.later(
        () => names.judge(record),
        (_state, outcome) => outcome,
      ),

    getName: ({ names }, { name }, ctx) =>
      ctx.later(
        () => names.read(name),
        (_state, outcome) => (outcome.ok ? currentOf(outcome.value) : outcome),
      ),

    readNameHistory: ({ names }, { name }, ctx) =>
      ctx.later(
        () => names.read(name),
        (_state, outcome) => outcome,
      ),

    listNames: ({ names }, { publicKey, after, limit }, ctx) =>
      ctx.later(
        () => names.list(publicKey, after, limit),
        (_state, outcome) => outcome,
      ),

    describe: ({ store, rebuilding, names }) => ok({ entryCount: store.entryCount, rebuilding, names: names.totals }),
  },

  // What is not written is fed again after the restart; writing it now only makes that shorter.
  terminate: ({ store }) => store.written(),
};

export const indexModule: ActorModule<IndexProtocol, IndexEvents, IndexDeps, IndexState, IndexConfig> = {
  behavior: indexBehavior,
  storesData: true,
  configSchema: indexConfigSchema,
  checkConfig: checkIndexConfig,
  wire: ({ env, config }) => ({
    config,
    kv: env.kv,
    disk: env.disk,
    metrics: env.metrics,
    directory: join(env.node.dataDirectory, "index"),
    namesDirectory: join(env.node.dataDirectory, "names"),
  }),
};
export { indexModule as actorModule };

/** A store that cannot be read is removed: it is only a cache, and the feeder fills the new one. */
async function openFresh(deps: IndexDeps, ctx: Ctx): Promise<SpareKv> {
  const opened = await open(deps);
  if (opened.ok && isReadable(opened.value)) return opened.value;
  ctx.log.warn("index.discarded", { directory: deps.directory, cause: opened.ok ? "version" : opened.failure.cause });
  if (opened.ok) await opened.value.close();
  must(await deps.disk.removeTree(deps.directory), "removing a damaged index");
  return must(await open(deps), "opening a fresh index");
}

/** On a disk without room for a new store it is in memory. */
function open({ kv, disk, directory, config }: IndexDeps): Promise<Result<SpareKv, KvBroken>> {
  return openOrSpare({
    stores: kv,
    disk,
    directory,
    mapBytesMax: config.current.mapBytesMax,
    memoryBytesMax: INDEX_MEMORY_BYTES_MAX,
    isLast: isSummary,
  });
}

/** To the disk, as soon as that has room. */
function moveLater(ctx: Ctx): void {
  ctx.after(MOVE_INTERVAL_MS, ({ spare }, turn) => {
    // Not waited for: addresses are resolved meanwhile.
    void spare.moveToDisk().then((isOnDisk) => {
      turn.after(0, (state, next) => {
        if (isOnDisk) announceHealth(state, next);
        else moveLater(next);
      });
    });
  });
}

/** By itself, as far as that can help: who asks for a name opens it at once. */
function openNamesLater(ctx: Ctx): void {
  ctx.after(NAMES_OPEN_INTERVAL_MS, ({ names }, turn) => {
    void names.open().then((opened) => {
      if (!opened.ok && !names.isDamaged) openNamesLater(turn);
    });
  });
}

/** The next life starts with an empty store. This one ends, so that the feeder, which watches it, begins again. */
async function discard({ store, disk, directory }: IndexState): Promise<never> {
  await store.close();
  must(await disk.removeTree(directory), "removing a damaged index");
  throw new Defect("the store of the index was damaged, and is removed");
}

/** Why nothing more is kept; undefined while something is. */
function fullness({ config, store }: IndexState): IndexFull | undefined {
  if (store.hasRoom || store.trouble === undefined) return undefined;
  const pendingCountMax = config.current.pendingEntriesMax;
  return { code: "index.full", pendingCount: store.pendingCount, pendingCountMax };
}

/** Who has added something waits where there is too much by now. */
function whenRoom<Outcome>(store: EntryStore, ctx: Ctx, outcome: Outcome): Outcome | Later<Outcome> {
  if (store.hasRoom) return outcome;
  return ctx.later(
    () => store.room(),
    () => outcome,
  );
}

function countNew(store: EntryStore, entries: readonly IndexEntry[]): number | "damaged" {
  const fresh = new Set<string>();
  for (const { address } of entries) {
    const isKnown = store.has(address);
    if (isKnown === "damaged") return isKnown;
    if (!isKnown) fresh.add(address);
  }
  return fresh.size;
}

function currentOf({ history, evidence }: NameState): Result<NameRecord, NameUnknown | NameFrozen> {
  if (evidence !== undefined) return fail({ code: "index.name-frozen", evidence });
  const current = history.at(-1);
  return current === undefined ? fail({ code: "index.name-unknown" }) : ok(current);
}

function announceHealth({ rebuilding, store, spare, namesTrouble }: IndexState, ctx: Ctx): void {
  if (rebuilding !== undefined) {
    ctx.health("degraded", `rebuilding: ${rebuilding.doneCount} of ${rebuilding.totalCount}`);
  } else if (store.trouble !== undefined) {
    ctx.health("degraded", `store: ${store.trouble}`);
  } else if (namesTrouble !== undefined) {
    ctx.health("degraded", `names: ${namesTrouble}`);
  } else if (spare.isInMemory) {
    ctx.health("degraded", "index in memory, the disk is full");
  } else {
    ctx.health("ready");
  }
}
