/** What became of the events of a load: which of them are rows, dead letters, or still in the stream. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { EVENTS_GROUP } from "#actors/ingest/pipeline.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";
import type { EventLoad } from "#test/kit/event-load.ts";
import type { WorkNode } from "#test/kit/work-node.ts";

export async function storedIds(work: WorkNode): Promise<readonly string[]> {
  return (await work.rows("select event_id from ingest.events")).map((row) => String(row["event_id"]));
}

/** One may be there twice: whoever wrote it may have ended before it could say so. */
async function deadTexts(work: WorkNode): Promise<ReadonlySet<string>> {
  return new Set((await work.deadLetters()).map((letter) => letter.get("payload") ?? ""));
}

/** Of events that nobody was given yet, or that are pending: they are still in the stream, as others may be. */
export async function unacknowledgedIds(work: WorkNode): Promise<ReadonlySet<string>> {
  const words = (reply: RedisReply): readonly RedisReply[] => (Array.isArray(reply) ? reply : []);
  const textOf = (reply: RedisReply | undefined): string => Buffer.from(reply as Uint8Array).toString();
  const [group] = words(await work.look("XINFO", "GROUPS", "events"));
  const about = words(group ?? null);
  const at = about.findIndex((word) => word instanceof Uint8Array && textOf(word) === "last-delivered-id");
  const pending = words(await work.look("XPENDING", "events", EVENTS_GROUP, "-", "+", 100_000));
  const unread = words(await work.look("XRANGE", "events", `(${textOf(about[at + 1])}`, "+"));
  const open = new Set([...pending, ...unread].map((row) => textOf(words(row)[0])));
  const texts = words(await work.look("XRANGE", "events", "-", "+")).flatMap((entry) => {
    const [id, fields] = words(entry);
    return open.has(textOf(id)) ? [textOf(words(fields ?? null)[1])] : [];
  });
  return new Set(
    texts.filter((text) => text.startsWith("{")).map((text) => (JSON.parse(text) as { event_id: string }).event_id),
  );
}

/** Waits no longer than that. What came of it is for who asks to see. */
async function settles(withinMs: number, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (performance.now() < endMs && !(await holds())) await sleep(200);
}

export interface Counts {
  readonly produced: number;
  readonly deadLettered: number;
  readonly rows: number;
  readonly distinct: number;
  readonly pending: number;
}

type Published = Pick<EventLoad, "eventIds" | "badTexts">;

/**
 * When all is settled, or the time for that is over: each event that was taken is a row, once, all else is among the dead letters,
 * and nothing is pending. `about` is told with what is wrong.
 */
export async function mustBeKept(
  work: WorkNode,
  loads: readonly Published[],
  { withinMs, about }: { readonly withinMs: number; readonly about: unknown },
): Promise<Counts> {
  const good = new Set(loads.flatMap(({ eventIds }) => [...eventIds]));
  const bad = new Set(loads.flatMap(({ badTexts }) => [...badTexts]));
  await settles(withinMs, async () => {
    if ((await pendingCount(work)) !== 0) return false;
    return (await storedIds(work)).length >= good.size && (await deadTexts(work)).size >= bad.size;
  });
  const stored = await storedIds(work);
  const dead = await deadTexts(work);
  const ids = new Set(stored);
  const produced = good.size + bad.size;
  const pending = await pendingCount(work);
  const counts = { produced, deadLettered: dead.size, rows: stored.length, distinct: ids.size, pending };
  const lost = [...good].filter((id) => !ids.has(id));
  const foreign = stored.filter((id) => !good.has(id));
  const told = JSON.stringify({ ...counts, about });
  assert.deepEqual([lost.slice(0, 3), lost.length, foreign.length, pending], [[], 0, 0, 0], told);
  assert.deepEqual([counts.rows, counts.distinct], [good.size, produced - dead.size], told);
  assert.deepEqual([...dead].sort(), [...bad].sort(), told);
  return counts;
}

async function pendingCount(work: WorkNode): Promise<number> {
  const [count] = (await work.look("XPENDING", "events", EVENTS_GROUP)) as readonly unknown[];
  return Number(count);
}
