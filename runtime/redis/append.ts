/**
 * Adding to a stream that is bounded by itself: past its bounds the oldest entries go.
 *
 * It is done where Redis has no memory for more, too: what is kept of an entry takes the place of that entry, which cannot leave
 * its own stream before. How far it goes past the limit of the memory is what the bounds allow.
 */
import { assert } from "#runtime/errors.ts";
import type { RedisWord } from "#runtime/redis/redis.ts";

export interface StreamBounds {
  /** Entries that stay, 1 or more. */
  readonly countMax: number;
  /** What they take in the memory of Redis, about; the newest one stays however large it is. */
  readonly sizeBytesMax: number;
}

/** Names and values in turn. */
export type NewEntry = readonly RedisWord[];

/** Of the entries, where they take too much: so much stays at a time, until they do not. */
export const APPEND_KEPT_PART: number = 7 / 8;

/** One key, the bounds, and each entry behind how many words it has; how many older ones went. */
export const APPEND_SCRIPT: string = `#!lua flags=allow-oom
local stream = KEYS[1]
local at = 3
while at <= #ARGV do
  local last = at + ARGV[at]
  redis.call('XADD', stream, '*', unpack(ARGV, at + 1, last))
  at = last + 1
end
local went = redis.call('XTRIM', stream, 'MAXLEN', ARGV[1])
local count = redis.call('XLEN', stream)
while count > 1 and redis.call('MEMORY', 'USAGE', stream, 'SAMPLES', 0) > tonumber(ARGV[2]) do
  count = math.floor(count * ${APPEND_KEPT_PART})
  went = went + redis.call('XTRIM', stream, 'MAXLEN', count)
end
return went
`;

/** What follows the key. */
export function appendWords(entries: readonly NewEntry[], bounds: StreamBounds): readonly RedisWord[] {
  assertAppend(entries, bounds);
  return [bounds.countMax, bounds.sizeBytesMax, ...entries.flatMap((entry) => [entry.length, ...entry])];
}

export function assertAppend(entries: readonly NewEntry[], { countMax, sizeBytesMax }: StreamBounds): void {
  assert(Number.isSafeInteger(countMax) && countMax >= 1, "a stream keeps at least one entry");
  assert(Number.isSafeInteger(sizeBytesMax) && sizeBytesMax >= 0, "what entries take is counted in bytes");
  const isEven = entries.every((entry) => entry.length > 0 && entry.length % 2 === 0);
  assert(isEven, "an entry has names and values in turn");
}
