/**
 * What is known of an object beside its commits: that it was removed, that somebody holds on to it, or lets go of it.
 *
 * An object without one is *kept*: its put is all it takes. Whoever reads a commit asks `fateOf`; nothing else decides.
 */
import type { Digest } from "#actors/domain/address.ts";

export interface Keep {
  /** Held until then, whatever its put asked for; ms since 1970. 0: by nobody. `FOR_EVER`: until it is let go. */
  readonly pinnedUntilMs: number;
  /** Commits up to this sequence do not hold the object any more. */
  readonly unpinnedUpTo: number;
  readonly removal: Removal | undefined;
}

/** Which commits are gone. A collection takes those that nobody holds any more, and leaves the older ones that stay. */
export interface Covered {
  /** The last one, of those whose put asked for a time. */
  readonly upTo: number;
  /** The last one, of those whose put asked for no end. Never past `upTo`. */
  readonly lastingUpTo: number;
}

/** What it covers is gone for everyone who asks. */
export interface Removal extends Covered {
  /** When, ms since 1970. */
  readonly atMs: number;
  /** What comes back where it is restored. */
  readonly manifest: Digest;
  readonly sizeBytes: number;
  /**
   * 0 while it can be restored. From then on the highest number that a pack had when its records were given up: one of
   * those may still hold a commit, for a catalog that is rebuilt to find.
   */
  readonly buriedUpToPack: number;
  /** What was buried before, while this can be restored. */
  readonly grave: Grave | undefined;
}

/** What it covers is gone for good, and in packs up to that number, if in any. */
export interface Grave extends Covered {
  readonly upToPack: number;
}

/** What decides about a commit, beside the keep of its object. */
export interface KeptCommit {
  readonly sequence: number;
  /** Its put asked for no more than to be held for a time. */
  readonly isTransient: boolean;
}

/**
 * - `kept`: it stays.
 * - `loose`: it can be read, and nobody holds it: the next collection removes it.
 * - `removed`: it is gone, and can be restored.
 * - `buried`: it is gone for good.
 */
export type Fate = "kept" | "loose" | "removed" | "buried";

/** A pin without an end. */
export const FOR_EVER: number = Number.MAX_SAFE_INTEGER;
export const NO_KEEP: Keep = { pinnedUntilMs: 0, unpinnedUpTo: 0, removal: undefined };

export function fateOf(commit: KeptCommit, keep: Keep | undefined, nowMs: number): Fate {
  const { sequence, isTransient } = commit;
  if (keep === undefined) return isTransient ? "loose" : "kept";
  const { pinnedUntilMs, removal, unpinnedUpTo } = keep;
  if (removal !== undefined && covers(removal, commit)) return isBuried(commit, removal) ? "buried" : "removed";
  if (pinnedUntilMs > nowMs) return "kept";
  return isTransient || sequence <= unpinnedUpTo ? "loose" : "kept";
}

export function covers({ upTo, lastingUpTo }: Covered, { sequence, isTransient }: KeptCommit): boolean {
  return sequence <= (isTransient ? upTo : lastingUpTo);
}

/**
 * What is gone where nobody holds the commit any more: with it all that was let go, and of the younger ones, and of those that
 * asked for no end, none. They hold the object by another manifest.
 */
export function coveredWith({ sequence }: KeptCommit, { removal, unpinnedUpTo }: Keep): Covered {
  return {
    upTo: Math.max(sequence, unpinnedUpTo, removal?.upTo ?? 0),
    lastingUpTo: Math.max(unpinnedUpTo, removal?.lastingUpTo ?? 0),
  };
}

/** What of it no restore brings back. */
export function graveOf({ buriedUpToPack, grave, lastingUpTo, upTo }: Removal): Grave | undefined {
  return buriedUpToPack > 0 ? { upTo, lastingUpTo, upToPack: buriedUpToPack } : grave;
}

/** Whether the commit is gone for good. */
export function isBuried(commit: KeptCommit, removal: Removal): boolean {
  const grave = graveOf(removal);
  return grave !== undefined && covers(grave, commit);
}

/** What is left of it by a restore: the records of what was given up before may be gone. */
export function restored(removal: Removal): Removal | undefined {
  const { grave } = removal;
  if (grave === undefined) return undefined;
  const { upTo, lastingUpTo, upToPack } = grave;
  return { ...removal, upTo, lastingUpTo, buriedUpToPack: upToPack, grave: undefined };
}

/** It says nothing that is not true of any object. */
export function isVoid({ pinnedUntilMs, unpinnedUpTo, removal }: Keep, nowMs: number): boolean {
  return pinnedUntilMs <= nowMs && unpinnedUpTo === 0 && removal === undefined;
}

/** Whether the commit holds its object until then, without anybody doing more. */
export function holdsUntil(commit: KeptCommit, keep: Keep | undefined, untilMs: number): boolean {
  const { pinnedUntilMs, removal } = keep ?? NO_KEEP;
  if (removal !== undefined && covers(removal, commit)) return false;
  return isHeldByPut(commit, keep) || pinnedUntilMs >= untilMs;
}

/** Whether its put holds the object without an end: it asked for that, and nobody has removed it or let it go since. */
export function isHeldByPut({ sequence, isTransient }: KeptCommit, keep: Keep | undefined): boolean {
  const { removal, unpinnedUpTo } = keep ?? NO_KEEP;
  return !isTransient && sequence > Math.max(unpinnedUpTo, removal?.lastingUpTo ?? 0);
}
