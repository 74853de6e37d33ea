/** What tests of the seam to Redis share: answers as people read them, and a simulated server that is connected to. */
import assert from "node:assert/strict";
import { must } from "#runtime/errors.ts";
import type { Redis, RedisCommand, RedisFailure, RedisReply } from "#runtime/redis/redis.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { SimulatedRedis } from "#runtime/simulated/redis.ts";
import { patient } from "#test/kit/patient.ts";

/** A reply with its bytes as text. */
export type Told = null | number | string | readonly Told[];

export function told(reply: RedisReply): Told {
  if (reply instanceof Uint8Array) return Buffer.from(reply).toString("latin1");
  return Array.isArray(reply) ? reply.map(told) : (reply as null | number);
}

export async function ask(redis: Redis, ...command: RedisCommand): Promise<Told> {
  return told(must(await redis.call(command, patient), command.join(" ")));
}

/** Kind and message of the refusal. */
export async function refusalOf(redis: Redis, ...command: RedisCommand): Promise<string> {
  const answer = await redis.call(command, patient);
  assert(!answer.ok, `${command.join(" ")} is refused`);
  return sayFailure(answer.failure);
}

export function sayFailure(failure: RedisFailure): string {
  if (failure.code === "redis.refused") return `${failure.kind} ${failure.message}`;
  return `unreachable (${failure.executed}): ${failure.cause}`;
}

export interface Simulated {
  readonly server: SimulatedRedis;
  readonly clock: ManualClock;
  open(silenceMs?: number): Promise<Redis>;
}

export function simulated(seed = 1, isEveryWriteSynced = false): Simulated {
  const clock = new ManualClock();
  const server = new SimulatedRedis({ clock, random: seededRandom(seed), isEveryWriteSynced });
  return {
    server,
    clock,
    async open(silenceMs = 1000) {
      const redis = server.connect({ clock, silenceMs });
      await clock.advance(0);
      must(await redis.ready(patient), "a connection");
      return redis;
    },
  };
}
