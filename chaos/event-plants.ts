/** Bugs of ingest that are planted on purpose: between it and its table, or its Redis. */
import type { Uuid } from "#actors/domain/uuid.ts";
import type { IngestDeps } from "#actors/ingest/actor.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";
import type { EventRows } from "#actors/ingest/rows/event-rows.ts";
import type { PlantedBug, RewiredBug } from "#chaos/plants.ts";
import { rewired } from "#chaos/simulated/rewired.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { ok } from "#runtime/errors.ts";
import type { Redis } from "#runtime/redis/redis.ts";

/** One of so many rows, acknowledgements or letters is what a bug is about, where it is not about all. */
const ONE_IN = 20;

export const EVENT_BUGS: readonly PlantedBug[] = [
  {
    name: "ack-event-before-row",
    says: "an event is acknowledged while its row is still being written",
    scenario: "postgres-is-killed",
    seenBy: "no-event-is-lost",
    into: withRows((rows) => ({
      write: async (given, within) => {
        void rows.write(given, within);
        return ok(given.map(() => ({ kind: "new" })));
      },
    })),
  },
  {
    name: "spill-unsynced",
    says: "what is kept on the disk while Postgres is away was never made durable",
    scenario: "power-fails-while-spilling",
    seenBy: "no-event-is-lost",
    into: withDisk(() => ({ sync: async () => ok() })),
  },
  {
    name: "double-insert",
    says: "now and then a row is inserted once more, under another spelling of its id",
    scenario: "postgres-is-killed",
    seenBy: "no-event-is-doubled",
    into: withRows((rows) => ({
      write: async (given, within) => {
        const again = oneIn(given).map((row) => ({ ...row, eventId: row.eventId.toUpperCase() as Uuid }));
        await rows.write(again, within);
        return await rows.write(given, within);
      },
    })),
  },
  {
    name: "mixed-up-rows",
    says: "now and then a row has the payload of the one before",
    scenario: "postgres-is-killed",
    seenBy: "events-are-as-sent",
    into: withRows((rows) => {
      let last = "{}";
      const mixedUp = (row: EventRow): EventRow => {
        const before = last;
        last = row.payload;
        return isOne(row) ? { ...row, payload: before } : row;
      };
      return { write: (given, within) => rows.write(given.map(mixedUp), within) };
    }),
  },
  {
    name: "lost-place",
    says: "now and then a row does not say where in the stream it stood",
    scenario: "postgres-is-killed",
    seenBy: "events-keep-their-order",
    into: withRows((rows) => ({
      write: (given, within) => {
        return rows.write(
          given.map((row) => (isOne(row) ? { ...row, streamId: "0:1-0" } : row)),
          within,
        );
      },
    })),
  },
  {
    name: "silent-drop",
    says: "what is no event is acknowledged, and kept nowhere",
    scenario: "redis-is-killed",
    seenBy: "refused-events-are-told",
    into: withRedis(() => ({ append: async () => ok(0) })),
  },
  {
    name: "lost-ack",
    says: "now and then nothing of a page is acknowledged, and it is believed to be",
    scenario: "redis-is-killed",
    seenBy: "events-come-to-rest",
    into: withRedis((redis) => {
      let count = 0;
      return {
        batch: async (commands, within) => {
          const isAck = commands.some(([name]) => name === "XACK");
          if (isAck) count += 1;
          if (isAck && count % ONE_IN === 0) return commands.map(() => ok(1));
          return await redis.batch(commands, within);
        },
      };
    }),
  },
];

function withDisk(change: (disk: Disk) => Partial<Disk>): RewiredBug["into"] {
  return (catalogue) =>
    rewired<IngestDeps>(catalogue, "ingest", (deps) => ({ ...deps, disk: { ...deps.disk, ...change(deps.disk) } }));
}

function withRows(change: (rows: EventRows) => Partial<EventRows>): RewiredBug["into"] {
  return (catalogue) =>
    rewired<IngestDeps>(catalogue, "ingest", (deps) => ({
      ...deps,
      openRows: async (connectionsMax) => overlaid(await deps.openRows(connectionsMax), change),
    }));
}

function withRedis(change: (redis: Redis) => Partial<Redis>): RewiredBug["into"] {
  return (catalogue) =>
    rewired<IngestDeps>(catalogue, "ingest", (deps) => ({
      ...deps,
      openRedis: async (limits) => overlaid(await deps.openRedis(limits), change),
    }));
}

/** The same, but for what is changed. */
function overlaid<Target extends object>(target: Target, change: (target: Target) => Partial<Target>): Target {
  const changes = change(target);
  return new Proxy(target, {
    get: (_, name) => {
      const own: unknown = Reflect.get(changes, name) ?? Reflect.get(target, name, target);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
}

/** By its id, so that the same row is the same again when it is tried again. */
function isOne({ eventId }: EventRow): boolean {
  return Number.parseInt(eventId.slice(0, 4), 16) % ONE_IN === 0;
}

function oneIn(rows: readonly EventRow[]): readonly EventRow[] {
  return rows.filter(isOne);
}
