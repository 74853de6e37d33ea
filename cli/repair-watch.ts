/** Looking on while the store is repaired: when that is over, and what to say meanwhile. Pure: the caller looks and waits. */
import { formatBytes, formatTime } from "#cli/console.ts";
import { shareBar } from "#cli/progress.ts";
import type { RepairLine } from "#cli/volume-facts.ts";

/** So many looks in a row must show the same end: right after an order the node may still tell how things were before. */
const END_LOOKS = 4;

/**
 * `lost`: too few records are left of all that is still to be repaired. `waiting`: what is left has to wait, for a volume or
 * for room.
 */
export type RepairEnd = "idle" | "lost" | "waiting";

export class RepairWatch {
  /** Of the life of the node, so that what is done counts from the first look on. */
  readonly #repairedBefore: number;
  #end: RepairEnd | undefined;
  #endLooks = 0;

  constructor({ repairedBytes }: RepairLine) {
    this.#repairedBefore = repairedBytes;
  }

  /** How it ended; undefined while it goes on. */
  look(repair: RepairLine): RepairEnd | undefined {
    const end = endOf(repair);
    this.#endLooks = end === this.#end ? this.#endLooks + 1 : 1;
    this.#end = end;
    return this.#endLooks < END_LOOKS ? undefined : end;
  }

  /** One line of progress. */
  line({ state, delayedUntil, backlogBytes, repairedBytes, bytesPerSecond, etaMs }: RepairLine): string {
    if (state === "delayed") return `repair delayed until ${delayedUntil}, ${formatBytes(backlogBytes)} to do`;
    if (state === "waiting") return `repair waits for volumes, ${formatBytes(backlogBytes)} to do`;
    if (state === "idle") return "repair idle";
    const name = state === "paused" ? "repair paused" : "repair";
    if (backlogBytes === 0) return `${name} nothing counted yet`;
    // The count begins anew when the node does.
    const doneBytes = Math.max(0, repairedBytes - this.#repairedBefore);
    const left = etaMs === undefined ? "" : ` about ${formatTime(etaMs)} left`;
    return `${name} ${shareBar(doneBytes, doneBytes + backlogBytes)} ${formatBytes(bytesPerSecond)}/s${left}`;
  }
}

/** While a volume is waited for nothing has ended: what is lost may come back with it. */
function endOf({ state, backlogCount, lostCount }: RepairLine): RepairEnd | undefined {
  if (state === "delayed") return undefined;
  if (lostCount > 0 && lostCount >= backlogCount) return "lost";
  return state === "idle" || state === "waiting" ? state : undefined;
}
