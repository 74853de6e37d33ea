/**
 * What stands before every request whose signature holds: its nonce counts once, on whatever stream, and nobody asks more often
 * than they may.
 *
 * A nonce is remembered in Redis with the entry that it came in. So a request that is delivered again is known for what it is,
 * and takes nothing from the rate a second time; the same nonce in any other entry is a replay. It is forgotten where
 * nothing came of the request: whoever makes keys without end would fill the memory of Redis otherwise. Redis may forget all
 * the rest too: what was acted on is remembered by the directory.
 */
import type { Operation } from "#actors/auth/directory/directory.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { AuthUnavailable } from "#actors/auth/protocol.ts";
import { isBytesOf } from "#actors/auth/words.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Rate } from "#runtime/redis/rate.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import { hour, minute, second } from "#runtime/units.ts";

/** How long a nonce of a registration, or of the end of one, is remembered in Redis. */
export const NONCE_REGISTER_MS: number = 1 * hour;
/** The same of a request about a subject. */
export const NONCE_SUBJECT_MS: number = 10 * minute;
/** The same of an exchange, and of a renewal. */
export const NONCE_EXCHANGE_MS: number = 1 * hour;
/** The same of what an administrator has signed. */
export const NONCE_ADMIN_MS: number = 5 * minute;
/** One more request of a key for one operation after so long: ten a minute. */
export const REQUEST_PERIOD_MS: number = 6 * second;
/** Requests of a key for one operation at once. */
export const REQUEST_BURST_MAX = 3;

/** A renewal is no operation of a key, but counts like one. */
export type Asked = Operation | "renew";

export interface Asking {
  readonly fingerprint: string;
  readonly nonce: string;
  readonly operation: Asked;
  /** Stream and id. */
  readonly entry: string;
}

export type Passed = "passed" | "replay" | "rate_limited";

const REMEMBERED_MS: Readonly<Record<Asked, number>> = {
  register: NONCE_REGISTER_MS,
  deregister: NONCE_REGISTER_MS,
  subject: NONCE_SUBJECT_MS,
  exchange: NONCE_EXCHANGE_MS,
  renew: NONCE_EXCHANGE_MS,
};
const RATE: Rate = { periodMs: REQUEST_PERIOD_MS, burst: REQUEST_BURST_MAX };

export class Gate {
  readonly #redis: Outside<Redis>;

  constructor(redis: Outside<Redis>) {
    this.#redis = redis;
  }

  async pass(asking: Asking, within: Within): Promise<Result<Passed, AuthUnavailable>> {
    const { operation, fingerprint, entry } = asking;
    const remembered = ["PX", REMEMBERED_MS[operation]] as const;
    const set = await this.#redis.ask(within, async (redis, bounded) => {
      const done = await redis.insist([["SET", keyOf(asking), entry, "NX", "GET", ...remembered]], bounded);
      return done.ok ? (done.value[0] ?? ok(null)) : done;
    });
    if (!set.ok) return set;
    const holder = set.value;
    // Whatever else there is under that name: it was not free.
    if (holder !== null) return ok(isBytesOf(holder, entry) ? "passed" : "replay");

    const taken = await this.#redis.ask(within, (redis, bounded) =>
      redis.take(`auth:rate:${operation}:${fingerprint}`, RATE, bounded),
    );
    if (taken.ok && taken.value.isAllowed) return ok("passed");
    // It has not come to anything yet, so it has not passed either.
    await this.forget(asking, within);
    return taken.ok ? ok("rate_limited") : taken;
  }

  /**
   * Whether it is the first time that an administrator's key has signed with this nonce. Where that cannot be known it may have
   * been taken: who asks again takes another.
   */
  async takeAdminNonce(
    asking: Pick<Asking, "fingerprint" | "nonce">,
    within: Within,
  ): Promise<Result<boolean, AuthUnavailable>> {
    const set = await this.#redis.ask(within, (redis, bounded) =>
      redis.call(["SET", keyOf(asking), "admin", "NX", "PX", NONCE_ADMIN_MS], bounded),
    );
    return set.ok ? ok(set.value !== null) : set;
  }

  /** Nothing came of it. Best effort: until it is forgotten by itself, another entry with that nonce is a replay. */
  async forget(asking: Asking, within: Within): Promise<void> {
    await this.#redis.ask(within, (redis, bounded) => redis.call(["DEL", keyOf(asking)], bounded));
  }
}

function keyOf({ fingerprint, nonce }: Pick<Asking, "fingerprint" | "nonce">): string {
  return `auth:nonce:${fingerprint}:${nonce}`;
}
