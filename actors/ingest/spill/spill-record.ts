/**
 * What a node has promised to keep on disk, known outside of that disk: a key of its own in Redis, which is written before the
 * entries are acknowledged. So a file that was cut or is gone is told from a write that was torn before it was acknowledged.
 *
 * - A Redis that lost its last second lost what was acknowledged in it too, and gives those entries again. What it knows of is
 *   never more than what was durable.
 * - One that was replaced by an empty one knows nothing, and nothing can be said.
 * - That rows have left the spill is told here as well, but not before they do, and not where Redis is away: what counts is the
 *   spill's own mark. This one is for a directory that was put back from a backup, or lost its mark.
 * - Where nothing is spilled Redis is asked once, at the beginning of a life.
 */
import type { Spill, SpillFailure, SpillSpan } from "#actors/ingest/spill/spill.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Redis, RedisFailure } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";

/** A record with a larger number is not ours. So many rows are left before names of files have no room for more. */
export const SPILL_RECORD_NUMBER_MAX: number = 2 ** 47;

const FORM = /^(\d{1,15})-(\d{1,15})$/;

export interface SpillRecordOptions {
  readonly redis: Redis;
  readonly spill: Spill;
}

export class SpillRecord {
  readonly #options: SpillRecordOptions;
  #key: string | undefined;
  /** As it is in Redis; before the first, a spill that never had anything. */
  #kept: SpillSpan = { first: 1, end: 1 };

  constructor(options: SpillRecordOptions) {
    this.#options = options;
  }

  /** Opens the spill, with what is known of it. `name` is the node's, and goes with its directory. */
  async open(name: string, within: Within): Promise<Result<void, RedisFailure | SpillFailure>> {
    const { redis, spill } = this.#options;
    const key = `ingest:spill:${name}`;
    const asked = await redis.call(["GET", key], within);
    // Something else that somebody has put there says nothing, and is replaced.
    if (!asked.ok && !(asked.failure.code === "redis.refused" && asked.failure.kind === "WRONGTYPE")) return asked;
    const found = asked.ok && asked.value instanceof Uint8Array ? parseSpan(asked.value) : undefined;
    const opened = await spill.open(found, within);
    if (!opened.ok) return opened;
    this.#key = key;
    if (found !== undefined) this.#kept = found;
    return ok();
  }

  /** Redis knows it when it is answered: then what was spilled may be acknowledged. */
  async keep(within: Within): Promise<Result<void, RedisFailure>> {
    const { redis, spill } = this.#options;
    const { first, end } = spill.span;
    const isKept = first === this.#kept.first && end === this.#kept.end;
    if (isKept || this.#key === undefined) return ok();
    // Little, and what is acknowledged then makes room.
    const kept = await redis.insist([["SET", this.#key, `${first}-${end}`]], within);
    if (!kept.ok) return kept;
    const [refused] = kept.value;
    if (refused !== undefined && !refused.ok) return refused;
    this.#kept = { first, end };
    return ok();
  }
}

/** Undefined for what is no record. */
export function parseSpan(bytes: Uint8Array): SpillSpan | undefined {
  const [, firstText, endText] = FORM.exec(Buffer.from(bytes).toString("latin1")) ?? [];
  const [first, end] = [Number(firstText), Number(endText)];
  return first >= 1 && first <= end && end <= SPILL_RECORD_NUMBER_MAX ? { first, end } : undefined;
}
