/**
 * One actor of another cell, as the calls to it share the link with those to its neighbours.
 *
 * What a target may hold of something is a multiple of what is left of it for all. So one that answers slowly, or not at
 * all, takes nearly everything while nobody else asks, and always leaves some: several of them share, and leave less, but
 * never nothing.
 */
import type { RemoteCall } from "#runtime/link/remote-call.ts";

/** A target holds at most so many times what is left: 8 of 9 alone, 8 of 17 beside another one that wants as much. */
export const LINK_TARGET_SHARE_MAX = 8;

export class Target {
  readonly actor: string;
  /** Calls that have credit, and are not done with at the other side. */
  heldCredit = 0;
  /** Calls that wait for a link or for credit, oldest first. */
  readonly waiting: Set<RemoteCall> = new Set();

  constructor(actor: string) {
    this.actor = actor;
  }
}

/** Whether one more than `held` leaves enough of what is `left`. */
export function isWithinShare(held: number, left: number): boolean {
  return held < left * LINK_TARGET_SHARE_MAX;
}
