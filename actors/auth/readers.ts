/** Streams as auth reads them: as one of the group that all nodes are, each over a connection of its own, for it waits there. */
import { READ_WAIT_MS, type StreamReader } from "#actors/domain/streams/stream-loop.ts";
import type { Clock } from "#runtime/clock.ts";
import { GroupReader } from "#runtime/redis/group/group-reader.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import type { Scope } from "#runtime/scope.ts";
import { MiB, minute, second } from "#runtime/units.ts";

/** One at a time: what a life ends with in hand is what it had begun with, and no other is delivered once more for that. */
export const STREAM_PAGE_COUNT_MAX = 1;
/** Of one page, about. */
export const STREAM_PAGE_BYTES_MAX: number = 4 * MiB;
/** Between two looks for what another node has left. */
export const CLAIM_INTERVAL_MS: number = 15 * second;
/** What nobody acknowledged for so long is another node's: much more than a page takes while servers answer. */
export const CLAIM_IDLE_MS: number = 2 * minute;

const GROUP = "cepa-auth";

export interface ReaderSeams {
  readonly clock: Clock;
  /** For what is answered at once. */
  readonly redis: Redis;
  /** Another connection. */
  readonly connect: () => Promise<Redis>;
  /** Of this node, and the same after a restart. */
  readonly consumer: string;
}

/** The connection is closed with `scope`. */
export async function openReader(
  { clock, redis, connect, consumer }: ReaderSeams,
  stream: string,
  scope: Scope,
): Promise<StreamReader> {
  const waiting = await connect();
  scope.add(() => waiting.close());
  return new GroupReader({
    clock,
    redis,
    waiting,
    stream,
    group: GROUP,
    consumer,
    pageCountMax: STREAM_PAGE_COUNT_MAX,
    pageBytesMax: STREAM_PAGE_BYTES_MAX,
    heldCountMax: STREAM_PAGE_COUNT_MAX,
    blockMs: READ_WAIT_MS,
    claimIntervalMs: CLAIM_INTERVAL_MS,
    claimIdleMs: CLAIM_IDLE_MS,
  });
}
