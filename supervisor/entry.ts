/**
 * What a supervisor remembers of one child: where it stands in its chart, its crashes, its timer, and the marks that its
 * rung keeps. No decisions.
 */
import type { Timer } from "#runtime/clock.ts";
import { describeExit, type ExitReason } from "#runtime/errors.ts";
import { SlidingWindow } from "#runtime/sliding-window.ts";
import type { Child, ChildSpec } from "#supervisor/child.ts";
import type { ChildState } from "#supervisor/child-chart.ts";
import type { CrashReason } from "#supervisor/crash-reason.ts";
import type { Rung } from "#supervisor/rung.ts";

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

interface Health {
  readonly state: "ready" | "degraded";
  readonly reason: string | undefined;
}

/** Shared by all who have said nothing: there may be a hundred thousand of them. */
const READY: Health = { state: "ready", reason: undefined };
const NO_ERRORS: readonly ChildError[] = [];

export class Entry {
  readonly spec: ChildSpec;
  readonly child: Child;
  readonly rung: Rung;
  /** Not of the spec: it was added, and is forgotten when it is over. */
  readonly isDynamic: boolean;

  lives = 0;
  /** Monotonic ms at which the life under way came up. */
  runningSinceMs = 0;
  restarts = 0;
  /** Why the last life ended, until the next begins. */
  crash: CrashReason | undefined;
  errors: readonly ChildError[] = NO_ERRORS;
  /** What the life says about itself. */
  health: Health = READY;
  /** Crashes since it was last stable. */
  crashCount = 0;
  /** Probes that failed since the quarantine began. */
  failedProbeCount = 0;
  /** Up again by a probe: the next crash before it is stable leads straight back. */
  onProbation = false;

  /** Back-off or pause before a probe. */
  timer: Timer | undefined;
  /** Deadline of the stop under way, or the end of the grace after it. */
  stopTimer: Timer | undefined;
  /** Killed, because the time for its stop was over. */
  isCutOff = false;
  /** Stopped by command: only a command brings it back. */
  held = false;
  /** Brought back by command: it begins with a fresh budget, whenever its turn comes. */
  isResumed = false;
  /** It is to be forgotten when it has stopped; who waits for that. */
  removal: PromiseWithResolvers<void> | undefined;
  /** Nothing may be done with it any more. */
  isForgotten = false;
  #state: ChildState = "stopped";
  #holdsOthers = false;
  #parkedBy: Entry | undefined;
  #window: SlidingWindow | undefined;

  constructor(spec: ChildSpec, child: Child, rung: Rung, isDynamic: boolean) {
    this.spec = spec;
    this.child = child;
    this.rung = rung;
    this.isDynamic = isDynamic;
  }

  get state(): ChildState {
    return this.#state;
  }

  set state(state: ChildState) {
    if (state === "stopping" || this.#state === "stopping") mark(this.rung.stopping, this, state === "stopping");
    this.#state = state;
    if (this.#holdsOthers) this.#markAwaited();
  }

  /** To be told to stop when its turn comes. */
  get toStop(): boolean {
    return this.rung.toStop.has(this);
  }

  set toStop(is: boolean) {
    mark(this.rung.toStop, this, is);
  }

  /** To be started when its turn comes. */
  get toStart(): boolean {
    return this.rung.toStart.has(this);
  }

  set toStart(is: boolean) {
    mark(this.rung.toStart, this, is);
  }

  /** Later rungs wait for the outcome of this start. */
  set holdsOthers(is: boolean) {
    if (this.#holdsOthers === is) return;
    this.#holdsOthers = is;
    this.#markAwaited();
  }

  /** Brought down by the strategy, to come back with this sibling. */
  get parkedBy(): Entry | undefined {
    return this.#parkedBy;
  }

  set parkedBy(leader: Entry | undefined) {
    this.#parkedBy = leader;
    mark(this.rung.parked, this, leader !== undefined);
  }

  /** It has stopped, and nothing will bring it back: it was removed, or has come to its own end. */
  get isOver(): boolean {
    if (!this.isDynamic || this.isForgotten || this.#state !== "stopped") return false;
    return this.removal !== undefined || (this.spec.restart !== "permanent" && this.lives > 0 && !this.held);
  }

  leave(): void {
    this.isForgotten = true;
    this.rung.forget(this);
    this.removal?.resolve();
  }

  /** Of its exits; made with the first, because most of many children never have one. */
  get window(): SlidingWindow {
    const { restartsMax, periodMs } = this.spec.budget;
    this.#window ??= new SlidingWindow(restartsMax, periodMs);
    return this.#window;
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

  #markAwaited(): void {
    mark(this.rung.awaited, this, this.#holdsOthers && this.#state === "starting");
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

function mark(marks: Set<Entry>, entry: Entry, is: boolean): void {
  if (is) marks.add(entry);
  else marks.delete(entry);
}
