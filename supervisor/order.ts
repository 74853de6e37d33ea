/**
 * Who may stop, and who may start, next. It moves marks on entries and asks for steps; it decides no restart.
 *
 * Stops go from the last rung down, starts from the first rung up. What it costs depends on the number of rungs and of
 * marked children, never on the number of children.
 */
import { isAlive } from "#supervisor/child-chart.ts";
import type { Entry } from "#supervisor/entry.ts";
import type { Rung } from "#supervisor/rung.ts";

type Start = "start" | "due" | "resume";
type Step = (entry: Entry, event: Start | "stop") => void;

/**
 * Tells those to stop whose turn it is. True when nothing is being stopped any more. Not `isOrdered`: nobody waits for
 * another's stop.
 */
export function stopNext(rungsDown: readonly Rung[], isOrdered: boolean, step: Step): boolean {
  for (const rung of rungsDown) {
    for (const entry of rung.toStop) {
      entry.toStop = false;
      step(entry, "stop");
    }
    if (isOrdered && rung.stopping.size > 0) return false;
  }
  return true;
}

/** Starts those whose turn it is. True when nothing waits for the outcome of a start any more. */
export function startNext(rungs: readonly Rung[], step: Step): boolean {
  for (const rung of rungs) {
    for (const entry of rung.toStart) {
      entry.toStart = false;
      step(entry, startOf(entry));
    }
    if (rung.awaited.size > 0) return false;
  }
  return true;
}

function startOf(entry: Entry): Start {
  if (entry.isResumed) {
    entry.isResumed = false;
    return "resume";
  }
  return entry.state === "backing-off" ? "due" : "start";
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
export function bringBack(leader: Entry, rungs: readonly Rung[]): void {
  const group = [leader, ...rungs.flatMap(({ parked }) => [...parked].filter((entry) => entry.parkedBy === leader))];
  for (const entry of group) {
    entry.parkedBy = undefined;
    entry.toStart = true;
    // One that comes back alone keeps nobody waiting.
    if (group.length > 1) entry.holdsOthers = true;
  }
}

/** A leader that will not come back by itself must not keep the others down. */
export function releaseParked(rungs: readonly Rung[]): void {
  for (const { parked } of rungs) {
    for (const entry of parked) {
      if (entry.parkedBy?.state === "backing-off") continue;
      entry.parkedBy = undefined;
      entry.toStart = true;
      entry.holdsOthers = true;
    }
  }
}
