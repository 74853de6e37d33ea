/**
 * Keeps children alive, by their specs.
 *
 * Invariants:
 * - one event at a time: exits, timers, outcomes and commands queue here, and each is handled to its end;
 * - at most one life of a child is under way; what a past life still reports is recognised by its number and ignored;
 * - rungs start in order and stop in reverse; a plan starts nothing before all that it stops has stopped;
 * - after `shutdown` has begun nothing starts.
 *
 * A quarantine concerns the child alone, whatever the strategy: its siblings have refs that stay valid.
 */
import type { Clock } from "#runtime/clock.ts";
import { type ExitReason, type Failure, fail, isAbnormal, ok, type Result, unreachable } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { probeDelayMs, restartDelayMs, STABLE_MS } from "#supervisor/backoff.ts";
import { RestartWindow } from "#supervisor/budget.ts";
import type { Supervised } from "#supervisor/child.ts";
import { type ChildEffect, type ChildEvent, childTable, isAlive, isServing } from "#supervisor/child-chart.ts";
import type { Budget } from "#supervisor/child-spec.ts";
import { Chronicle } from "#supervisor/chronicle.ts";
import { type CrashReason, crashReasonOf } from "#supervisor/crash-reason.ts";
import { type ChildStatus, Entry } from "#supervisor/entry.ts";
import type { SupervisorEvent } from "#supervisor/events.ts";
import { bringBack, park, releaseParked, startNext, stopNext } from "#supervisor/order.ts";
import { planRestart, type Strategy } from "#supervisor/strategy.ts";

/** Between `kill` and giving a child up as stuck. */
export const STUCK_GRACE_MS = 1000;

export interface SupervisorOptions {
  readonly name: string;
  readonly strategy: Strategy;
  /** Over all children; a quarantine does not count. */
  readonly intensity: Budget;
  /** In start order; children of one rung start, and stop, at the same time. */
  readonly rungs: readonly (readonly Supervised[])[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly bus: { publish(event: SupervisorEvent): void };
  /** The intensity was exceeded and every child has been stopped: the owner must end. */
  readonly onEscalate: () => void;
  /** A child survived `kill`: nothing but the end of the process frees what it holds. */
  readonly onStuck: (child: string) => void;
  /** Something in `status` may have changed. */
  readonly onChange?: () => void;
}

export interface NoSuchChild extends Failure<"supervisor.no-such-child"> {
  readonly child: string;
}
/** There is no life to end. */
export interface NotRunning extends Failure<"supervisor.not-running"> {
  readonly child: string;
  readonly state: string;
}
/** There is nothing to resume: it is up, or on its way up or down. */
export interface NotResumable extends Failure<"supervisor.not-resumable"> {
  readonly child: string;
  readonly state: string;
}

type Note =
  | { readonly kind: "event"; readonly entry: Entry; readonly life: number; readonly event: ChildEvent }
  | { readonly kind: "exit"; readonly entry: Entry; readonly life: number; readonly reason: ExitReason }
  | { readonly kind: "failed-start"; readonly entry: Entry; readonly life: number; readonly reason: ExitReason }
  | { readonly kind: "due"; readonly entry: Entry }
  | { readonly kind: "resume" | "hold"; readonly entry: Entry }
  | { readonly kind: "boot" | "shutdown" };

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #entries: readonly Entry[];
  readonly #order: readonly string[];
  readonly #intensity: RestartWindow;
  readonly #chronicle: Chronicle;
  readonly #rungs: readonly (readonly Entry[])[];
  readonly #queue: Note[] = [];
  #busy = false;
  #closing = false;
  #escalated = false;
  #abandoned = false;
  #stopByMs = Number.POSITIVE_INFINITY;
  #booted: (() => void) | undefined;
  #closed: (() => void)[] = [];

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#rungs = options.rungs.map((rung) => rung.map((supervised) => new Entry(supervised)));
    this.#entries = this.#rungs.flat();
    this.#order = this.#entries.map((entry) => entry.spec.name);
    this.#intensity = new RestartWindow(options.intensity);
    this.#chronicle = new Chronicle(options);
    for (const entry of this.#entries) {
      entry.child.onExit((reason) => this.#post({ kind: "exit", entry, life: entry.lives, reason }));
      entry.child.onHealth?.((state, reason) => this.#healthChanged(entry, state, reason));
    }
  }

  /** Starts every child; settles when each has come up or has failed once. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#booted = resolve;
      this.#post({ kind: "boot" });
    });
  }

  /** Stops everything in reverse within `withinMs`, and for good. Settles when nothing is left. */
  shutdown(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#closed.push(resolve);
      this.#stopByMs = Math.min(this.#stopByMs, this.#options.clock.nowMs() + withinMs);
      this.#closing = true;
      this.#post({ kind: "shutdown" });
    });
  }

  /** Crashes the child's life, as a fault would. */
  kill(name: string): Result<void, NoSuchChild | NotRunning> {
    const entry = this.#find(name);
    if (entry === undefined) return fail({ code: "supervisor.no-such-child", child: name });
    if (!isAlive(entry.state)) return fail({ code: "supervisor.not-running", child: name, state: entry.state });
    entry.child.kill();
    return ok();
  }

  /** Starts a quarantined, held or waiting child now, with a fresh budget. */
  resume(name: string): Result<void, NoSuchChild | NotResumable> {
    const entry = this.#find(name);
    if (entry === undefined) return fail({ code: "supervisor.no-such-child", child: name });
    if (this.#closing || isAlive(entry.state)) {
      return fail({ code: "supervisor.not-resumable", child: name, state: entry.state });
    }
    this.#post({ kind: "resume", entry });
    return ok();
  }

  /** Lets go of everything at once, without stopping anything: the owner's own end is at hand. */
  abandon(): void {
    this.#abandoned = true;
    for (const entry of this.#entries) {
      entry.timer?.cancel();
      entry.stopTimer?.cancel();
      entry.child.kill();
    }
  }

  /** Stops one child; only `resume` brings it back. */
  hold(name: string): Result<void, NoSuchChild> {
    const entry = this.#find(name);
    if (entry === undefined) return fail({ code: "supervisor.no-such-child", child: name });
    this.#post({ kind: "hold", entry });
    return ok();
  }

  status(): readonly ChildStatus[] {
    return this.#entries.map((entry) => entry.status());
  }

  #find(name: string): Entry | undefined {
    return this.#entries.find((entry) => entry.spec.name === name);
  }

  #post(note: Note): void {
    if (this.#abandoned) return;
    this.#queue.push(note);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#handle(next);
      this.#settle();
    }
    this.#busy = false;
    this.#options.onChange?.();
  }

  #handle(note: Note): void {
    switch (note.kind) {
      case "boot":
        for (const entry of this.#entries) entry.toStart = true;
        for (const entry of this.#entries) entry.holdsOthers = true;
        break;
      case "shutdown":
        this.#closeDown();
        break;
      case "event":
        if (note.life === note.entry.lives) this.#step(note.entry, note.event);
        break;
      case "exit":
        this.#exited(note.entry, note.life, crashReasonOf(note.reason), note.reason);
        break;
      case "failed-start":
        this.#exited(note.entry, note.life, "start-failed", note.reason);
        break;
      case "due":
        this.#due(note.entry);
        break;
      case "hold":
        this.#holdDown(note.entry);
        break;
      case "resume":
        this.#resumed(note.entry);
        break;
      default:
        unreachable(note);
    }
  }

  // Decisions

  #exited(entry: Entry, life: number, word: CrashReason, reason: ExitReason): void {
    if (life !== entry.lives || entry.state === "stopping" || !isAlive(entry.state)) return;
    const probed = entry.state === "probing";
    entry.holdsOthers = false;
    const wanted = !this.#closing && !entry.toStop && mustRestart(entry, word, reason);
    if (wanted || isAbnormal(reason)) this.#chronicle.crashed(entry, word, reason);
    if (probed) entry.failedProbeCount += 1;
    this.#step(entry, "exited");
    if (probed) return;
    if (!wanted) {
      entry.toStop = false;
      this.#step(entry, "rest");
      return;
    }
    this.#decide(entry);
  }

  #decide(entry: Entry): void {
    const nowMs = this.#options.clock.nowMs();
    if (entry.window.exceededBy(nowMs) || entry.onProbation) {
      this.#step(entry, "quarantine");
      this.#chronicle.quarantined(entry);
      return;
    }
    if (this.#intensity.exceededBy(nowMs)) {
      this.#step(entry, "rest");
      this.#chronicle.escalated(entry);
      this.#escalated = true;
      this.#closing = true;
      this.#closeDown();
      return;
    }
    this.#step(entry, "restart");
    const plan = planRestart(this.#options.strategy, this.#order, entry.spec.name);
    for (const name of plan.start) {
      const sibling = this.#find(name);
      if (sibling === undefined || sibling === entry) continue;
      park(sibling, entry);
    }
  }

  #due(entry: Entry): void {
    if (entry.state === "quarantined") {
      this.#step(entry, "due");
      return;
    }
    if (entry.state === "backing-off") bringBack(entry, this.#entries);
  }

  #holdDown(entry: Entry): void {
    entry.held = true;
    entry.toStart = false;
    entry.parkedBy = undefined;
    if (isAlive(entry.state)) entry.toStop = true;
    else this.#step(entry, "stop");
  }

  #resumed(entry: Entry): void {
    if (this.#closing || isAlive(entry.state)) return;
    entry.held = false;
    entry.parkedBy = undefined;
    entry.toStart = false;
    this.#step(entry, "resume");
  }

  #closeDown(): void {
    for (const entry of this.#entries) {
      entry.toStart = false;
      entry.parkedBy = undefined;
      if (entry.state === "stopping") this.#armStop(entry);
      else if (isAlive(entry.state)) entry.toStop = true;
      else this.#step(entry, "stop");
    }
  }

  // Order

  /** Does what is due and possible now: stops from the last rung down, then starts from the first rung up. */
  #settle(): void {
    const step = (entry: Entry, event: ChildEvent): void => this.#step(entry, event);
    if (!stopNext(this.#rungs, step)) return;
    if (this.#closing) {
      this.#allStopped();
      return;
    }
    releaseParked(this.#entries);
    if (!startNext(this.#rungs, step)) return;
    this.#booted?.();
    this.#booted = undefined;
  }

  #allStopped(): void {
    this.#booted?.();
    this.#booted = undefined;
    const closed = this.#closed;
    this.#closed = [];
    for (const resolve of closed) resolve();
    if (!this.#escalated || closed.length > 0) return;
    this.#escalated = false;
    this.#options.onEscalate();
  }

  // Effects

  #step(entry: Entry, event: ChildEvent): void {
    const move = childTable[entry.state][event];
    entry.state = move.state;
    if (isServing(move.state)) entry.holdsOthers = false;
    for (const effect of move.effects) this.#perform(entry, effect);
  }

  #perform(entry: Entry, effect: ChildEffect): void {
    switch (effect) {
      case "start-life":
        this.#startLife(entry);
        break;
      case "stop-life":
        this.#stopLife(entry);
        break;
      case "arm-stable":
        this.#armStable(entry);
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
        entry.crashCount = 0;
        entry.failedProbeCount = 0;
        entry.onProbation = false;
        break;
      case "forgive":
        entry.crashCount = 0;
        entry.failedProbeCount = 0;
        entry.onProbation = false;
        entry.window.clear();
        break;
      case "refuse":
        entry.child.refuse?.();
        break;
      default:
        unreachable(effect);
    }
  }

  #arm(entry: Entry, delayMs: number): void {
    entry.timer?.cancel();
    entry.timer = this.#options.clock.after(delayMs, () => this.#post({ kind: "due", entry }));
  }

  #armStable(entry: Entry): void {
    const life = entry.lives;
    const stable = (): void => this.#post({ kind: "event", entry, life, event: "stable" });
    entry.timer?.cancel();
    entry.timer = this.#options.clock.after(STABLE_MS, stable);
    // It may have said so while it was starting, when the chart does not listen.
    if (entry.health.state === "degraded") this.#queue.push({ kind: "event", entry, life, event: "degraded" });
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
    const withinMs = this.#armStop(entry);
    entry.child.stop(withinMs).then(stopped, stopped);
  }

  /** Sets, or shortens, the deadline of the stop under way. */
  #armStop(entry: Entry): number {
    const { clock, log, onStuck } = this.#options;
    const life = entry.lives;
    const withinMs = Math.max(0, Math.min(entry.spec.shutdownMs, this.#stopByMs - clock.nowMs()));
    entry.stopTimer?.cancel();
    entry.stopTimer = clock.after(withinMs, () => {
      log.warn("supervisor.stop-overdue", { child: entry.spec.name, withinMs });
      entry.child.kill();
      if (entry.state !== "stopping" || entry.lives !== life) return;
      entry.stopTimer = clock.after(STUCK_GRACE_MS, () => {
        onStuck(entry.spec.name);
        this.#post({ kind: "event", entry, life, event: "stopped" });
      });
    });
    return withinMs;
  }

  #healthChanged(entry: Entry, state: "ready" | "degraded", reason: string | undefined): void {
    entry.health = { state, reason };
    this.#post({ kind: "event", entry, life: entry.lives, event: state });
  }
}

function mustRestart(entry: Entry, word: CrashReason, reason: ExitReason): boolean {
  switch (entry.spec.restart) {
    case "permanent":
      return true;
    case "transient":
      return word === "start-failed" || isAbnormal(reason);
    case "temporary":
      return false;
    default:
      return unreachable(entry.spec.restart);
  }
}
