/**
 * Who may stop, and who may start, next. It moves marks on entries and asks for steps; it decides no restart.
 *
 * Stops go from the last rung down, starts from the first rung up, and no start of a plan comes before its stops.
 */
import { isAlive } from "#supervisor/child-chart.ts";
import type { Entry } from "#supervisor/entry.ts";

type Step = (entry: Entry, event: "start" | "due" | "stop") => void;

/** Tells those to stop whose turn it is. True when nothing is being stopped any more. */
export function stopNext(rungs: readonly (readonly Entry[])[], step: Step): boolean {
  for (const members of rungs.toReversed()) {
    for (const entry of members) {
      if (!entry.toStop) continue;
      entry.toStop = false;
      step(entry, "stop");
    }
    if (members.some((entry) => entry.state === "stopping")) return false;
  }
  return true;
}

/** Starts those whose turn it is. True when nothing waits for the outcome of a start any more. */
export function startNext(rungs: readonly (readonly Entry[])[], step: Step): boolean {
  for (const members of rungs) {
    for (const entry of members) {
      if (!entry.toStart) continue;
      entry.toStart = false;
      step(entry, entry.state === "backing-off" ? "due" : "start");
    }
    if (members.some((entry) => entry.state === "starting" && entry.holdsOthers)) return false;
  }
  return true;
}

/** Takes a sibling down with `leader`, to come back with it; a temporary or a held one stays down. */
export function park(sibling: Entry, leader: Entry): void {
  const isUp = isAlive(sibling.state);
  const isWaiting = sibling.toStart || sibling.parkedBy !== undefined;
  if (!isUp && !isWaiting) return;
  if (isUp && sibling.state !== "stopping") sibling.toStop = true;
  sibling.toStart = false;
  if (sibling.spec.restart !== "temporary" && !sibling.held) sibling.parkedBy = leader;
}

/** Marks the child, and everyone parked by it, to be started in order. */
export function bringBack(leader: Entry, entries: readonly Entry[]): void {
  const group = entries.filter((entry) => entry === leader || entry.parkedBy === leader);
  for (const entry of group) {
    entry.parkedBy = undefined;
    entry.toStart = true;
    // One that comes back alone keeps nobody waiting.
    entry.holdsOthers = group.length > 1;
  }
}

/** A leader that will not come back by itself must not keep the others down. */
export function releaseParked(entries: readonly Entry[]): void {
  for (const entry of entries) {
    const leader = entry.parkedBy;
    if (leader === undefined || leader.state === "backing-off") continue;
    entry.parkedBy = undefined;
    entry.toStart = true;
    entry.holdsOthers = true;
  }
}
