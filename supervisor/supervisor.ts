/**
 * Keeps children alive, by their specs. Here are the decisions: `lives.ts` begins and ends, `order.ts` says whose turn it
 * is, `chronicle.ts` tells.
 *
 * Invariants:
 * - one event at a time: exits, timers, outcomes and commands queue here, and each is handled to its end;
 * - at most one life of a child is under way; what a past life still reports is recognised by its number and ignored;
 * - rungs start in order and stop in reverse; a plan starts nothing before all that it stops has stopped;
 * - after `shutdown` has begun nothing starts.
 *
 * A quarantine concerns the child alone, whatever the strategy: its siblings have refs that stay valid.
 */
import { type ExitReason, type Failure, fail, isAbnormal, ok, type Result, unreachable } from "#runtime/errors.ts";
import { RestartWindow } from "#supervisor/budget.ts";
import type { Supervised } from "#supervisor/child.ts";
import { type ChildEvent, childTable, isAlive, isServing } from "#supervisor/child-chart.ts";
import type { Budget } from "#supervisor/child-spec.ts";
import { Chronicle, type ChronicleOptions } from "#supervisor/chronicle.ts";
import { type CrashReason, crashReasonOf } from "#supervisor/crash-reason.ts";
import { type ChildStatus, Entry } from "#supervisor/entry.ts";
import { type LifeNote, Lives, type LivesOptions } from "#supervisor/lives.ts";
import { bringBack, park, releaseParked, startNext, stopNext } from "#supervisor/order.ts";
import { mustRestart, planRestart, type Strategy } from "#supervisor/strategy.ts";

export interface SupervisorOptions extends ChronicleOptions, LivesOptions {
  readonly strategy: Strategy;
  /** Over all children; a quarantine does not count. */
  readonly intensity: Budget;
  /** In start order; children of one rung start, and stop, at the same time. */
  readonly rungs: readonly (readonly Supervised[])[];
  /** The intensity was exceeded and every child has been stopped: the owner must end. */
  readonly onEscalate: () => void;
  /** Something in `status` may have changed. */
  readonly onChange?: () => void;
}

/** Nobody of that name is supervised here. */
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
  | LifeNote
  | { readonly kind: "resume" | "hold"; readonly entry: Entry }
  | { readonly kind: "boot" | "shutdown" };

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #entries: readonly Entry[];
  readonly #order: readonly string[];
  readonly #intensity: RestartWindow;
  readonly #chronicle: Chronicle;
  readonly #lives: Lives;
  readonly #rungs: readonly (readonly Entry[])[];
  readonly #queue: Note[] = [];
  #busy = false;
  #closing = false;
  #escalated = false;
  #abandoned = false;
  #booted: (() => void) | undefined;
  #closed: (() => void)[] = [];

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#rungs = options.rungs.map((rung) => rung.map((supervised) => new Entry(supervised)));
    this.#entries = this.#rungs.flat();
    this.#order = this.#entries.map((entry) => entry.spec.name);
    this.#intensity = new RestartWindow(options.intensity);
    this.#chronicle = new Chronicle(options);
    this.#lives = new Lives(options, this.#chronicle, (note) => this.#post(note));
    for (const entry of this.#entries) this.#lives.watch(entry);
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
      this.#lives.endWithin(withinMs);
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
    for (const entry of this.#entries) this.#lives.abandon(entry);
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
    const wanted = !this.#closing && !entry.toStop && mustRestart(entry.spec.restart, word, reason);
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
      if (entry.state === "stopping") this.#lives.armStop(entry);
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

  #step(entry: Entry, event: ChildEvent): void {
    const move = childTable[entry.state][event];
    entry.state = move.state;
    if (isServing(move.state)) entry.holdsOthers = false;
    for (const effect of move.effects) this.#lives.perform(entry, effect);
  }
}
