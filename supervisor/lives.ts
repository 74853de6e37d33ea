/**
 * Begins and ends the lives of children, and keeps the timers between them.
 *
 * It does what the chart names and decides nothing. What comes of it goes back to the supervisor as a note with the
 * number of the life that it is about, because by then another life may be under way.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { type ExitReason, unreachable } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { probeDelayMs, restartDelayMs, STABLE_MS } from "#supervisor/backoff.ts";
import { type ChildEffect, type ChildEvent, isServing } from "#supervisor/child-chart.ts";
import type { Chronicle } from "#supervisor/chronicle.ts";
import type { Entry } from "#supervisor/entry.ts";

/** Between the end of a child's time to stop, when it is killed, and giving it up as stuck. */
export const STUCK_GRACE_MS = 1000;

/** What the supervisor hears of a life, or of the timer between two. */
export type LifeNote =
  | { readonly kind: "event"; readonly entry: Entry; readonly life: number; readonly event: ChildEvent }
  | { readonly kind: "exit"; readonly entry: Entry; readonly life: number; readonly reason: ExitReason }
  | { readonly kind: "failed-start"; readonly entry: Entry; readonly life: number; readonly reason: ExitReason }
  | { readonly kind: "due"; readonly entry: Entry }
  | { readonly kind: "overdue" };

export interface LivesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A child survived `kill`: nothing but the end of the process frees what it holds. */
  readonly onStuck: (child: string) => void;
}

export class Lives {
  readonly #options: LivesOptions;
  readonly #chronicle: Chronicle;
  readonly #post: (note: LifeNote) => void;
  #endByMs = Number.POSITIVE_INFINITY;
  #endTimer: Timer | undefined;

  constructor(options: LivesOptions, chronicle: Chronicle, post: (note: LifeNote) => void) {
    this.#options = options;
    this.#chronicle = chronicle;
    this.#post = post;
  }

  /** Once for every child, before its first life. */
  watch(entry: Entry): void {
    entry.child.onExit((reason) => this.#post({ kind: "exit", entry, life: entry.lives, reason }));
    entry.child.onHealth?.((state, reason) => {
      entry.health = { state, reason };
      this.#post({ kind: "event", entry, life: entry.lives, event: state });
    });
  }

  /** Sets, or shortens, the deadline of everything. When it has passed that is noted, and no stop has any time left. */
  endWithin(withinMs: number): void {
    const { clock } = this.#options;
    const endByMs = clock.nowMs() + withinMs;
    if (endByMs >= this.#endByMs) return;
    this.#endByMs = endByMs;
    this.#endTimer?.cancel();
    this.#endTimer = clock.after(withinMs, () => this.#post({ kind: "overdue" }));
  }

  /** There is nothing left to end. */
  ended(): void {
    this.#endTimer?.cancel();
  }

  /** Whether the life under way has lasted for the stable period. No timer says so: nobody asks before the life ends. */
  isStable(entry: Entry): boolean {
    return isServing(entry.state) && this.#options.clock.nowMs() - entry.runningSinceMs >= STABLE_MS;
  }

  /** Without stopping anything in order: the owner's own end is at hand. */
  abandon(entry: Entry): void {
    entry.timer?.cancel();
    entry.stopTimer?.cancel();
    entry.child.kill();
  }

  perform(entry: Entry, effect: ChildEffect): void {
    switch (effect) {
      case "start-life":
        this.#startLife(entry);
        break;
      case "stop-life":
        this.#stopLife(entry);
        break;
      case "mark-running":
        this.#markRunning(entry);
        break;
      case "arm-backoff":
        this.#arm(entry, restartDelayMs(entry.crashCount, this.#options.random));
        break;
      case "arm-probe":
        entry.onProbation = true;
        this.#arm(entry, probeDelayMs(entry.failedProbeCount));
        break;
      case "disarm":
        entry.timer?.cancel();
        entry.timer = undefined;
        break;
      case "reset-backoff":
        entry.resetBackoff();
        break;
      case "forgive":
        entry.resetBackoff();
        entry.window.clear();
        break;
      case "refuse":
        entry.child.refuse?.();
        break;
      default:
        unreachable(effect);
    }
  }

  /** Kills what is still stopping, once. What has not let go of everything in the grace is stuck. */
  cutOff(entry: Entry): void {
    if (entry.isCutOff) return;
    entry.isCutOff = true;
    const { clock, log, onStuck } = this.#options;
    const life = entry.lives;
    entry.stopTimer?.cancel();
    log.warn("supervisor.stop-overdue", { child: entry.spec.name });
    entry.child.kill();
    if (entry.state !== "stopping" || entry.lives !== life) return;
    entry.stopTimer = clock.after(STUCK_GRACE_MS, () => {
      onStuck(entry.spec.name);
      this.#post({ kind: "event", entry, life, event: "stopped" });
    });
  }

  #startLife(entry: Entry): void {
    entry.lives += 1;
    entry.health = { state: "ready", reason: undefined };
    const life = entry.lives;
    if (entry.crash !== undefined) {
      entry.restarts += 1;
      this.#chronicle.restarted(entry, entry.crash);
      entry.crash = undefined;
    }
    entry.child.start().then(
      (started) => {
        if (started.ok) this.#post({ kind: "event", entry, life, event: "started" });
        else this.#post({ kind: "failed-start", entry, life, reason: started.failure.reason });
      },
      (defect: unknown) => this.#post({ kind: "failed-start", entry, life, reason: { kind: "crashed", defect } }),
    );
  }

  #stopLife(entry: Entry): void {
    const life = entry.lives;
    const stopped = (): void => {
      entry.stopTimer?.cancel();
      this.#post({ kind: "event", entry, life, event: "stopped" });
    };
    entry.holdsOthers = false;
    entry.isCutOff = false;
    const { clock } = this.#options;
    const leftMs = this.#endByMs - clock.nowMs();
    const withinMs = Math.max(0, Math.min(entry.spec.shutdownMs, leftMs));
    // With no time left `kill` comes first, so that nothing is begun which needs some.
    if (leftMs <= 0) this.cutOff(entry);
    else entry.stopTimer = clock.after(withinMs, () => this.cutOff(entry));
    entry.child.stop(withinMs).then(stopped, stopped);
  }

  #markRunning(entry: Entry): void {
    const life = entry.lives;
    entry.runningSinceMs = this.#options.clock.nowMs();
    // It may have said so while it was starting, when the chart does not listen.
    if (entry.health.state === "degraded") this.#post({ kind: "event", entry, life, event: "degraded" });
  }

  #arm(entry: Entry, delayMs: number): void {
    entry.timer?.cancel();
    entry.timer = this.#options.clock.after(delayMs, () => this.#post({ kind: "due", entry }));
  }
}
