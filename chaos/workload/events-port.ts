/** Where producers publish, who lets them in, and where what came of it is looked at: of one node, over all its lives. */
import type { EventsFound } from "#chaos/checkers/event-history.ts";
import type { SshSigner } from "#client/ssh/certificate.ts";
import type { Result } from "#runtime/errors.ts";
import type { RedisCommand, RedisFailure, RedisReply } from "#runtime/redis/redis.ts";

export interface EventsPort {
  /** Signs certificates of producers which the node takes. Not before the node was begun. */
  readonly authority: SshSigner;
  /** As a producer asks the Redis of the node. */
  ask(command: RedisCommand): Promise<Result<RedisReply, RedisFailure>>;
  /** People let in every key that waits. */
  approve(): Promise<void>;
  /** Undefined where it cannot be looked at now. */
  look(): Promise<EventsLook | undefined>;
}

export interface EventsLook extends EventsFound {
  /** Entries that nobody was given yet, or that nobody has acknowledged. */
  readonly openCount: number;
}
