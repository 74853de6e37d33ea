/** What Redis answers with, compared. */
import type { RedisReply } from "#runtime/redis/redis.ts";

/** Whether it is this text. */
export function isBytesOf(reply: RedisReply, text: string): boolean {
  return reply instanceof Uint8Array && Buffer.from(text).equals(reply);
}
