/**
 * What a supervisor remembers of one child: where it stands in its chart, its crashes, its timer. No decisions.
 */

import type { Timer } from "#runtime/clock.ts";
import { describeExit, type ExitReason } from "#runtime/errors.ts";
import { RestartWindow } from "#supervisor/budget.ts";
import type { Child, ChildSpec, Supervised } from "#supervisor/child.ts";
import type { ChildState } from "#supervisor/child-chart.ts";
import type { CrashReason } from "#supervisor/crash-reason.ts";

/** Crashes that a child's status shows, the newest last. */
export const LAST_ERRORS_MAX = 5;

/** One crash, as `status` remembers it. */
export interface ChildError {
  /** Wall time, for people. */
  readonly atMs: number;
  readonly reason: CrashReason;
  /** At most 200 characters. */
  readonly message: string;
}

/** How a child stands, for `ps`. */
export interface ChildStatus {
  readonly name: string;
  readonly state: ChildState;
  /** Lives begun. */
  readonly lives: number;
  /** Lives begun because an earlier one ended by itself. */
  readonly restarts: number;
  /** Why it is not simply running. */
  readonly reason: string | undefined;
  readonly lastErrors: readonly ChildError[];
}

export class Entry {
  readonly spec: ChildSpec;
  readonly child: Child;
  readonly window: RestartWindow;

  state: ChildState = "stopped";
  lives = 0;
  restarts = 0;
  /** Why the last life ended, until the next begins. */
  crash: CrashReason | undefined;
  errors: readonly ChildError[] = [];
  /** What the life says about itself. */
  health: { readonly state: "ready" | "degraded"; readonly reason: string | undefined } = {
    state: "ready",
    reason: undefined,
  };
  /** Crashes since it was last stable. */
  crashCount = 0;
  /** Probes that failed since the quarantine began. */
  failedProbeCount = 0;
  /** Up again by a probe: the next crash before it is stable leads straight back. */
  onProbation = false;

  /** Back-off, probe or stable period. */
  timer: Timer | undefined;
  /** Deadline of the stop under way. */
  stopTimer: Timer | undefined;
  /** To be told to stop when its turn comes. */
  toStop = false;
  /** To be started when its turn comes. */
  toStart = false;
  /** Later rungs wait for the outcome of this start. */
  holdsOthers = false;
  /** Brought down by the strategy, to come back with this sibling. */
  parkedBy: Entry | undefined;
  /** Stopped by command: only a command brings it back. */
  held = false;

  constructor({ spec, child }: Supervised) {
    this.spec = spec;
    this.child = child;
    this.window = new RestartWindow(spec.budget);
  }

  noteCrash(reason: CrashReason, exit: ExitReason, wallMs: number): void {
    this.crash = reason;
    this.crashCount += 1;
    const error = { atMs: wallMs, reason, message: describeExit(exit) };
    this.errors = [...this.errors, error].slice(-LAST_ERRORS_MAX);
  }

  /** Its crashes so far no longer lengthen the next pause. */
  resetBackoff(): void {
    this.crashCount = 0;
    this.failedProbeCount = 0;
    this.onProbation = false;
  }

  status(): ChildStatus {
    const { state, lives, restarts } = this;
    return { name: this.spec.name, state, lives, restarts, reason: this.#why(), lastErrors: this.errors };
  }

  #why(): string | undefined {
    if (this.state === "degraded") return this.health.reason ?? "degraded";
    const isDown = this.state === "backing-off" || this.state === "quarantined" || this.state === "probing";
    const isTriedAgain = this.state === "starting" && this.crashCount > 0;
    if (!isDown && !isTriedAgain) return undefined;
    const last = this.errors.at(-1);
    return last === undefined ? undefined : `${last.reason}: ${last.message}`;
  }
}
