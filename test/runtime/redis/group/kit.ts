/** What tests of readers of a group share: readers with small bounds, and streams that are looked at past them. */
import { must } from "#runtime/errors.ts";
import { GroupReader, type GroupReaderOptions } from "#runtime/redis/group/group-reader.ts";
import type { StreamPage } from "#runtime/redis/group/stream-entry.ts";
import type { Redis, RedisCommand } from "#runtime/redis/redis.ts";
import type { ManualClock } from "#runtime/simulated/clock.ts";
import { patient } from "#test/kit/patient.ts";
import { ask, type Told } from "#test/runtime/redis/kit.ts";

export type ReaderSettings = Pick<GroupReaderOptions, "redis" | "waiting" | "clock" | "stream"> &
  Partial<GroupReaderOptions>;

/** Of the group `g`, as `ann` unless it is told otherwise. */
export function makeReader(settings: ReaderSettings): GroupReader {
  return new GroupReader({
    group: "g",
    consumer: "ann",
    pageCountMax: 4,
    pageBytesMax: 1000,
    heldCountMax: 100,
    blockMs: 10,
    claimIntervalMs: 40,
    claimIdleMs: 60_000,
    ...settings,
  });
}

export async function readPage(reader: GroupReader): Promise<StreamPage> {
  return must(await reader.read(patient), "a page");
}

/** Each as its id, and how often it was given where that is not once: `1-0`, `2-0*3`. */
export function sayPage({ entries, lostCount }: StreamPage): readonly string[] {
  const given = entries.map(({ id, deliveryCount }) => (deliveryCount === 1 ? id : `${id}*${deliveryCount}`));
  return lostCount === 0 ? given : [...given, `lost ${lostCount}`];
}

export async function acknowledge(reader: GroupReader, ...ids: readonly string[]): Promise<void> {
  must(await reader.ack(ids, patient), "acknowledged");
}

/** Entries `<first>-0` … `<last>-0`. */
export async function add(redis: Redis, stream: string, first: number, last: number = first): Promise<void> {
  const commands = Array.from(
    { length: last - first + 1 },
    (_, at): RedisCommand => ["XADD", stream, `${first + at}-0`, "n", first + at],
  );
  for (const added of await redis.batch(commands, patient)) must(added, "an entry");
}

/** `id consumer count` of what is pending. */
export async function pendingIn(redis: Redis, stream: string): Promise<readonly string[]> {
  const listed = (await ask(redis, "XPENDING", stream, "g", "-", "+", 1000)) as readonly (readonly Told[])[];
  return listed.map(([id, consumer, , count]) => `${id} ${consumer} ${count}`);
}

/** Moves time, from timer to timer, until it settles. */
export async function untilSettled<Value>(clock: ManualClock, waiting: Promise<Value>): Promise<Value> {
  let isSettled = false;
  const settled = waiting.finally(() => {
    isSettled = true;
  });
  await clock.settle();
  for (let count = 0; !isSettled && count < 1000; count += 1) {
    await clock.advance(Math.max(0, (clock.nextDueMs ?? 0) - clock.nowMs()));
  }
  return await settled;
}
