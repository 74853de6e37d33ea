/**
 * A run of the real ingest through random faults, and what was seen of each entry at the places where it counts: the table, the
 * disk, and what is sent to Redis.
 */
import assert from "node:assert/strict";
import type { IngestSight } from "#chaos/models/ingest-run.ts";
import type { Redis, RedisCommand } from "#runtime/redis/redis.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import type { RedisFate } from "#runtime/simulated/redis.ts";
import { eventId, lean, producerId, token } from "#test/actors/ingest/events.ts";
import { type RowsFate, World } from "#test/actors/ingest/world.ts";

/** One that was added. */
export interface SeenEntry {
  readonly id: string;
  readonly isBad: boolean;
  readonly sights: readonly IngestSight[];
}

/** Of one entry, by its id, or of its event; of all entries where neither is told. */
interface Sighting {
  readonly sight: IngestSight;
  readonly id?: string;
  readonly eventId?: string;
}

interface Added {
  readonly id: string;
  readonly eventId: string;
  readonly isBad: boolean;
  /** Sightings before it was there. */
  readonly first: number;
}

const REDIS_FATES: readonly RedisFate[] = ["lost", "done-unheard"];
const ROWS_FATES: readonly RowsFate[] = ["lost", "done-unheard"];
const FAULTED = ["APPEND", "XACK", "XREADGROUP", "XAUTOCLAIM"] as const;
const PAUSES_MS = [2, 20, 100, 700, 3000] as const;

export async function ingestedRun(seed: number, stepCount: number): Promise<readonly SeenEntry[]> {
  const random = seededRandom(seed);
  const pick = <Value>(values: readonly Value[]): Value => {
    const value = values[random.below(values.length)];
    assert(value !== undefined);
    return value;
  };
  const world = new World({ seed, config: { pageCountMax: 3, deliveriesMax: 1000, spillBytesMax: 2500 } });
  const entries: Added[] = [];
  const seen: Sighting[] = [];
  watch(world, seen);
  await world.begin();
  world.admissions.set(token, { kind: "admitted", producerId, subjectId: undefined });
  const subjectId = await world.subject(producerId);

  const add = async (isBad: boolean): Promise<void> => {
    const { fateOf } = world.server;
    world.server.fateOf = () => "answered";
    const [number, first] = [entries.length, seen.length];
    const payload = isBad ? `{"number": ${number}` : lean(number, subjectId);
    // It may be read, and all that follows, before the one who adds hears of its id.
    entries.push({ id: await world.send("events", { payload, token }), eventId: eventId(number), isBad, first });
    world.server.fateOf = fateOf;
  };

  for (let step = 0; step < stepCount; step += 1) {
    switch (random.below(7)) {
      case 0:
        seen.push({ sight: "crash" });
        await world.started.crash();
        break;
      case 1:
        faultRedis(world, pick(FAULTED), pick(REDIS_FATES), 1 + random.below(2));
        break;
      case 2:
      case 3: {
        const [fate, leftCount] = [pick(ROWS_FATES), 1 + random.below(6)];
        let left = leftCount;
        world.fateOfRows = (question) => {
          if (question === "write") left -= 1;
          return left >= 0 && question === "write" ? fate : "answered";
        };
        break;
      }
      default:
        await add(random.below(4) === 0);
    }
    await world.pass(pick(PAUSES_MS));
  }
  world.server.fateOf = () => "answered";
  world.fateOfRows = () => "answered";
  // Whoever waits for something new looks for what is old again when it has come.
  await add(true);
  await world.settled();
  seen.push({ sight: "end" });
  await world.started.actor.stop();
  return entries.map((entry) => ({ id: entry.id, isBad: entry.isBad, sights: sightsOf(entry, seen) }));
}

/** What was synced over and over says no more than once. */
function sightsOf({ id, eventId, first }: Added, seen: readonly Sighting[]): readonly IngestSight[] {
  const own = seen
    .slice(first)
    .filter((one) => (one.id === undefined && one.eventId === undefined) || one.id === id || one.eventId === eventId)
    .map(({ sight }) => sight);
  return own.filter((sight, at) => sight !== "synced" || own[at - 1] !== "synced");
}

/** Of a few commands from now on the last one. */
function faultRedis(world: World, name: string, fate: RedisFate, after: number): void {
  let left = after;
  world.server.fateOf = (names) => {
    if (names.includes(name)) left -= 1;
    return left === 0 && names.includes(name) ? fate : "answered";
  };
}

/** Before ingest begins: what it does to the table, the disk and Redis is seen from then on. */
function watch({ table, disk, server }: World, seen: Sighting[]): void {
  const write = table.write.bind(table);
  table.write = async (rows) => {
    for (const { eventId } of rows) seen.push({ sight: "row", eventId });
    return await write(rows);
  };
  const sync = disk.sync.bind(disk);
  disk.sync = async (descriptor) => {
    const synced = await sync(descriptor);
    if (synced.ok) seen.push({ sight: "synced" });
    return synced;
  };
  const connect = server.connect.bind(server);
  server.connect = (options) => watched(connect(options), seen);
}

function watched(redis: Redis, seen: Sighting[]): Redis {
  const batch = redis.batch.bind(redis);
  redis.batch = async (commands, within) => {
    for (const id of commands.flatMap(idsOfAck)) seen.push({ sight: "ack", id });
    return await batch(commands, within);
  };
  const append = redis.append.bind(redis);
  redis.append = async (stream, added, bounds, within) => {
    const answer = await append(stream, added, bounds, within);
    if (!answer.ok || stream !== "events:dlq") return answer;
    for (const words of added) seen.push({ sight: "dead", id: String(words[words.indexOf("id") + 1]) });
    return answer;
  };
  return redis;
}

function idsOfAck(command: RedisCommand): readonly string[] {
  const [name, stream, , ...ids] = command;
  return name === "XACK" && stream === "events" ? ids.map(String) : [];
}
