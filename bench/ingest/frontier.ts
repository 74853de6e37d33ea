/**
 * How far a group is, as seen from outside: everything before the frontier was given and acknowledged. It is looked at every few
 * milliseconds, so an entry is seen to be done that much later than it is; and not before all that came before it.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Published } from "#bench/ingest/publish-main.ts";
import { must } from "#runtime/errors.ts";
import { listIn, numberIn } from "#runtime/redis/group/replies.ts";
import type { Redis, RedisReply } from "#runtime/redis/redis.ts";
import { patient } from "#test/kit/patient.ts";

const LOOK_MS = 5;

interface Look {
  readonly atMs: number;
  /** Of everything that was added before this millisecond nothing is left. */
  readonly doneMs: number;
  readonly isIdle: boolean;
}

/** Looks on until everything that was added is done and `isOver` says that nothing more comes. */
export async function watch(
  redis: Redis,
  stream: string,
  group: string,
  isOver: () => boolean,
): Promise<readonly Look[]> {
  const looks: Look[] = [];
  for (;;) {
    const wasOver = isOver();
    const look = await lookAt(redis, stream, group);
    looks.push(look);
    if (wasOver && look.isIdle) return looks;
    await pause(LOOK_MS);
  }
}

async function lookAt(redis: Redis, stream: string, group: string): Promise<Look> {
  // What is pending is asked first: what is given in between is behind it.
  const answers = must(
    await redis.transaction(
      [
        ["XPENDING", stream, group],
        ["XINFO", "GROUPS", stream],
      ],
      patient,
    ),
    "a look",
  );
  const atMs = Date.now();
  const [pending, groups] = answers.map((answer) => must(answer, "a look"));
  const [count = null, lowest = null] = listIn(pending ?? null);
  const facts = listIn(groups ?? null)
    .map(listIn)
    .find((each) => text(each[1]) === group);
  const lastMs = msOf(wordAfter(facts ?? [], "last-delivered-id"));
  const isIdle = numberIn(count) === 0 && wordAfter(facts ?? [], "lag") === 0;
  return { atMs, doneMs: isIdle ? atMs + 1 : numberIn(count) > 0 ? msOf(lowest) : lastMs, isIdle };
}

/** For each entry, how long after it was added it was seen to be done. */
export function lags(published: Published, looks: readonly Look[]): readonly number[] {
  let at = 0;
  return [...published]
    .sort(([one], [other]) => one - other)
    .flatMap(([ms, count]) => {
      while (at < looks.length - 1 && (looks[at]?.doneMs ?? 0) <= ms) at += 1;
      const lag = (looks[at]?.atMs ?? Number.NaN) - ms;
      return Array.from({ length: count }, () => lag);
    });
}

function wordAfter(facts: readonly RedisReply[], name: string): RedisReply {
  return facts[facts.findIndex((each, at) => at % 2 === 0 && text(each) === name) + 1] ?? null;
}

function msOf(id: RedisReply): number {
  return Number(text(id).split("-")[0]);
}

function text(reply: RedisReply | undefined): string {
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : String(reply);
}
