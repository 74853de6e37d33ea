/**
 * How much of a chunk may be lost: into how many shards it is cut, and how many are added.
 *
 * A profile follows from the setting and from the number of *failure domains* that are there now: whatever is lost
 * together, a volume for now. `k` data shards and `m` parity shards survive the loss of any `m` of them. With `k` = 1 a
 * parity shard is a copy, so replication is a profile like any other; and `m` = 0 keeps one copy and no promise.
 */
import { SHARDS_MAX } from "#runtime/erasure/kernel.ts";
import { type Failure, fail, ok, type Result, unreachable } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";

export interface ErasureProfile {
  /** `k`: any of that many shards are the chunk. */
  readonly dataShards: number;
  /** `m`: that many may be lost. */
  readonly parityShards: number;
}

/** What `storage.erasure` says; a profile is the one that is wanted while there are domains enough. */
export type ErasureSetting = "none" | "auto" | ErasureProfile;

/** Why a text is no setting. Final: the text has to be mended. */
export interface ErasureRefused extends Failure<"storage.erasure-refused"> {
  /**
   * - `malformed`: not `none`, `auto`, nor two numbers like `4+2`;
   * - `no-data`, `no-parity`: one of them is zero, which keeps nothing, or survives nothing;
   * - `too-many`: together more than `shardsMax`.
   */
  readonly why: "malformed" | "no-data" | "no-parity" | "too-many";
  readonly shardsMax: number;
}

/** A shorter chunk is replicated `m` + 1 times: its shards would be many records for few bytes. */
export const ERASURE_BYTES_MIN: number = 256 * KiB;

export const NO_REDUNDANCY: ErasureProfile = { dataShards: 1, parityShards: 0 };

/** What `auto` means with so many domains and more, the most first. */
const BY_DOMAINS: readonly (readonly [domainsMin: number, dataShards: number, parityShards: number])[] = [
  [14, 10, 4],
  [9, 6, 3],
  [6, 4, 2],
  [4, 2, 2],
  [3, 2, 1],
  [2, 1, 1],
];

const PROFILE = /^(\d{1,3})\+(\d{1,3})$/;

export function parseErasure(text: string): Result<ErasureSetting, ErasureRefused> {
  if (text === "none" || text === "auto") return ok(text);
  const [, data, parity] = PROFILE.exec(text) ?? [];
  if (data === undefined || parity === undefined) return refused("malformed");
  const profile = { dataShards: Number(data), parityShards: Number(parity) };
  if (profile.dataShards === 0) return refused("no-data");
  if (profile.parityShards === 0) return refused("no-parity");
  return shardCountOf(profile) > SHARDS_MAX ? refused("too-many") : ok(profile);
}

/** For whoever reads the configuration: what is wrong with it, and what would be right. */
export function explainRefusal({ why, shardsMax }: ErasureRefused): string {
  switch (why) {
    case "malformed":
      return 'storage.erasure is "none", "auto", or data and parity shards like "4+2"';
    case "no-data":
      return 'storage.erasure has to have data shards: "1+1" keeps two copies';
    case "no-parity":
      return 'storage.erasure has to have parity shards, or one lost volume loses all; "none" keeps one copy';
    case "too-many":
      return `storage.erasure must not have more than ${shardsMax} shards together`;
    default:
      return unreachable(why);
  }
}

/**
 * What is written now, with `domainCount` domains that live.
 *
 * A profile that was asked for and needs more of them keeps its `m` and is cut into fewer shards, down to copies: what is
 * written while domains are missing survives as much, at a higher price, as long as there are more than `m` of them.
 */
export function profileFor(setting: ErasureSetting, domainCount: number): ErasureProfile {
  if (setting === "none") return NO_REDUNDANCY;
  if (setting === "auto") return automatic(domainCount);
  const dataShards = Math.min(setting.dataShards, Math.max(1, domainCount - setting.parityShards));
  const parityShards = Math.min(setting.parityShards, Math.max(0, domainCount - dataShards));
  return { dataShards, parityShards };
}

/** `n`: all shards of a chunk; and the copies of what is replicated where `dataShards` is 1. */
export function shardCountOf({ dataShards, parityShards }: ErasureProfile): number {
  return dataShards + parityShards;
}

/** Of manifests, small objects and chunks below `ERASURE_BYTES_MIN`: they survive what shards do. */
export function copiesOf({ parityShards }: ErasureProfile): number {
  return parityShards + 1;
}

/** Shards over `k` that are on disk before a chunk is acknowledged: the rest may follow. */
export function ackMargin({ parityShards }: ErasureProfile): number {
  return Math.ceil(parityShards / 2);
}

function automatic(domainCount: number): ErasureProfile {
  const row = BY_DOMAINS.find(([domainsMin]) => domainCount >= domainsMin);
  return row === undefined ? NO_REDUNDANCY : { dataShards: row[1], parityShards: row[2] };
}

function refused(why: ErasureRefused["why"]): Result<never, ErasureRefused> {
  return fail({ code: "storage.erasure-refused", why, shardsMax: SHARDS_MAX });
}
