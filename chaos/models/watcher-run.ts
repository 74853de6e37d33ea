/**
 * A run of the real watcher of the configuration file, to be held against `ConfigWatcher.tla` with the times that the watcher
 * has: what passes between it and the disk, the clock, and whoever it offers to and reports to.
 */
import type { FollowedRun, RunModules } from "#chaos/models/run.ts";
import { configDebounceMs, configDebounceMsMax } from "#runtime/config/watcher.ts";
import { assert } from "#runtime/errors.ts";

/** Time in the model goes in steps of so much; in a run, everything happens at a multiple of it. */
export const WATCHER_STEP_MS = 100;

export interface WatcherLook {
  readonly atMs: number;
  /** The number of the last change of the file. */
  readonly file: number;
  /** Whether a notification is on its way. */
  readonly isTold: boolean;
  /** When the timer is to run, in how long; undefined where there is none. */
  readonly dueInMs: number | undefined;
  /** `more`: it is at two of them at once, which it never may be. */
  readonly step: "idle" | "reading" | "read" | "offering" | "more";
  /** The contents that were read, or are offered. */
  readonly seen: number;
  /** The contents that were accepted last. */
  readonly inForce: number;
  readonly isRefusing: boolean;
  readonly isClosed: boolean;
  /** How often somebody had the file read at once, while it was open. */
  readonly asks: number;
  readonly reports: number;
  /** Of the last report. */
  readonly kind: "none" | "accepted" | "unchanged" | "kept";
}

/** Changes whose contents are refused: by whoever they are offered to, or because nobody can read them. */
export interface RefusedChanges {
  readonly refused: readonly number[];
  readonly unreadable: readonly number[];
}

export function watcherRun(
  modules: RunModules,
  { refused, unreadable }: RefusedChanges,
  looks: readonly WatcherLook[],
): FollowedRun {
  const constants = {
    ChangesMax: looks.at(-1)?.file ?? 0,
    Refused: `{${[...refused, ...unreadable].join(", ")}}`,
    Unreadable: `{${unreadable.join(", ")}}`,
    Quiet: stepsOf(configDebounceMs),
    QuietMax: stepsOf(configDebounceMsMax),
  };
  return { ...modules, constants, looks: looks.map((look, at) => written(look, looks[at - 1]?.atMs ?? 0)) };
}

function written(look: WatcherLook, previousMs: number): string {
  const fields = [
    `by |-> ${stepsOf(look.atMs - previousMs)}`,
    `file |-> ${look.file}`,
    `told |-> ${truth(look.isTold)}`,
    `due |-> ${look.dueInMs === undefined ? -1 : stepsOf(look.dueInMs)}`,
    `step |-> "${look.step}"`,
    `seen |-> ${look.seen}`,
    `inForce |-> ${look.inForce}`,
    `refusing |-> ${truth(look.isRefusing)}`,
    `closed |-> ${truth(look.isClosed)}`,
    `asks |-> ${look.asks}`,
    `reports |-> ${look.reports}`,
    `kind |-> "${look.kind}"`,
  ];
  return `[${fields.join(", ")}]`;
}

function truth(value: boolean): string {
  return value ? "TRUE" : "FALSE";
}

function stepsOf(ms: number): number {
  const steps = ms / WATCHER_STEP_MS;
  assert(Number.isInteger(steps), "everything happens at a multiple of a step");
  return steps;
}
