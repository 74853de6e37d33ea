/**
 * Keeps children alive, by their specs. Here are the decisions: `lives.ts` begins and ends, `order.ts` says whose turn it
 * is, `roster.ts` knows who is there, `chronicle.ts` tells.
 *
 * Invariants:
 * - one event at a time: exits, timers, outcomes and commands queue here, and each is handled to its end;
 * - at most one life of a child is under way; what a past life still reports is recognised by its number and ignored;
 * - rungs start in order and stop in reverse; a plan starts nothing before all that it stops has stopped;
 * - an event costs what it affects, not what there is;
 * - after `shutdown` has begun nothing starts.
 *
 * A quarantine concerns the child alone, whatever the strategy: its siblings have refs that stay valid.
 */
import { type ExitReason, fail, isAbnormal, ok, type Result, unreachable } from "#runtime/errors.ts";
import { SlidingWindow } from "#runtime/sliding-window.ts";
import type { Child, ChildSpec } from "#supervisor/child.ts";
import { type ChildEvent, childTable, isAlive, isServing } from "#supervisor/child-chart.ts";
import { Chronicle } from "#supervisor/chronicle.ts";
import { type CrashReason, crashReasonOf } from "#supervisor/crash-reason.ts";
import type { ChildStatus, Entry } from "#supervisor/entry.ts";
import { Inbox } from "#supervisor/inbox.ts";
import { type LifeNote, Lives } from "#supervisor/lives.ts";
import { bringBack, park, releaseParked, startNext, stopNext } from "#supervisor/order.ts";
import type { AddRefusal, KillRefusal, NoSuchChild, RemoveRefusal, ResumeRefusal } from "#supervisor/refusals.ts";
import { DYNAMIC_CHILDREN_MAX, Roster } from "#supervisor/roster.ts";
import { mustRestart, type Strategy, siblingsOf } from "#supervisor/strategy.ts";
import type { Escalation, SupervisorOptions } from "#supervisor/supervisor-options.ts";

type Note =
  | LifeNote
  | { readonly kind: "add" | "resume" | "hold"; readonly entry: Entry }
  | { readonly kind: "boot" | "shutdown" };

export class Supervisor<S extends Strategy = Strategy> {
  readonly #options: SupervisorOptions<S>;
  readonly #roster: Roster;
  readonly #intensity: SlidingWindow;
  readonly #chronicle: Chronicle;
  readonly #lives: Lives;
  readonly #inbox: Inbox<Note>;
  #isUp = false;
  #closing = false;
  #escalation: Escalation | undefined;
  #booted: (() => void) | undefined;
  #closed: (() => void)[] = [];

  constructor(options: SupervisorOptions<S>) {
    this.#options = options;
    this.#roster = new Roster(options.rungs);
    this.#intensity = new SlidingWindow(options.intensity.restartsMax, options.intensity.periodMs);
    this.#chronicle = new Chronicle(options);
    this.#lives = new Lives(options, this.#chronicle, (note) => this.#inbox.post(note));
    this.#inbox = new Inbox(
      (note) => {
        this.#handle(note);
        this.#settle();
      },
      () => options.onChange?.(),
    );
    for (const entry of this.#roster.order) this.#lives.watch(entry);
  }

  /** Starts every child; settles when each has come up or has failed once. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#booted = resolve;
      this.#inbox.post({ kind: "boot" });
    });
  }

  /**
   * Stops everything in reverse, and for good. What is left after `withinMs` is killed, all at once, and has
   * `STUCK_GRACE_MS` to be gone. Settles when nothing is left, or all that is has been given up.
   */
  shutdown(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#closed.push(resolve);
      this.#lives.endWithin(withinMs);
      this.#closing = true;
      this.#inbox.post({ kind: "shutdown" });
    });
  }

  /** Crashes the child's life, as a fault would. */
  kill(name: string): Result<void, KillRefusal> {
    const entry = this.#roster.find(name);
    if (entry === undefined) return fail({ code: "supervisor.no-such-child", child: name });
    // A life that has ended may still be on its way out: it is starting, or stopping, for its supervisor.
    if (!isAlive(entry.state) || entry.child.hasLife?.() === false) {
      return fail({ code: "supervisor.not-running", child: name, state: entry.state });
    }
    entry.child.kill();
    return ok();
  }

  /**
   * Starts a quarantined, held or waiting child with a fresh budget: now, or where its strategy takes others down with it,
   * when these have stopped. Those that wait for it come back with it.
   */
  resume(name: string): Result<void, ResumeRefusal> {
    const entry = this.#roster.find(name);
    if (entry === undefined) return fail({ code: "supervisor.no-such-child", child: name });
    if (this.#closing || isAlive(entry.state)) {
      return fail({ code: "supervisor.not-resumable", child: name, state: entry.state });
    }
    this.#inbox.post({ kind: "resume", entry });
    return ok();
  }

  /** Lets go of everything at once, without stopping anything: the owner's own end is at hand. */
  abandon(): void {
    this.#inbox.close();
    this.#lives.ended();
    for (const entry of this.#roster.entries) this.#lives.abandon(entry);
  }

  /** Stops one child; only `resume` brings it back. */
  hold(name: string): Result<void, NoSuchChild> {
    const entry = this.#roster.find(name);
    if (entry === undefined) return fail({ code: "supervisor.no-such-child", child: name });
    this.#inbox.post({ kind: "hold", entry });
    return ok();
  }

  /** Why a child of that name could not be added now. */
  refusalOf(child: string): AddRefusal | undefined {
    if (this.#closing) return { code: "supervisor.closing", supervisor: this.#options.name };
    if (this.#roster.find(child) !== undefined) return { code: "supervisor.child-exists", child };
    if (this.#roster.isFull) return { code: "supervisor.children-full", childrenMax: DYNAMIC_CHILDREN_MAX };
    return undefined;
  }

  /**
   * One child more, after all those of the spec; it starts as soon as these have. A `temporary` or `transient` one is
   * forgotten when it has come to its end. Only where the others have nothing to do with it.
   */
  add(this: Supervisor<"one-for-one">, spec: ChildSpec, child: Child): Result<void, AddRefusal> {
    const refusal = this.refusalOf(spec.name);
    if (refusal !== undefined) return fail(refusal);
    const entry = this.#roster.add(spec, child);
    this.#lives.watch(entry);
    this.#inbox.post({ kind: "add", entry });
    return ok();
  }

  /** Stops a dynamic child, and forgets it. Settles when nothing of it is left. */
  async remove(name: string): Promise<Result<void, RemoveRefusal>> {
    const entry = this.#roster.find(name);
    if (entry === undefined) return fail({ code: "supervisor.no-such-child", child: name });
    if (!entry.isDynamic) return fail({ code: "supervisor.not-removable", child: name });
    entry.removal ??= Promise.withResolvers();
    const { promise } = entry.removal;
    this.#inbox.post({ kind: "hold", entry });
    await promise;
    return ok();
  }

  get strategy(): S {
    return this.#options.strategy;
  }

  status(): readonly ChildStatus[] {
    return Array.from(this.#roster.entries, (entry) => entry.status());
  }

  #handle(note: Note): void {
    switch (note.kind) {
      case "boot":
        this.#boot();
        break;
      case "add":
        if (this.#isUp) note.entry.toStart = true;
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
      case "overdue":
        this.#cutOff();
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

  #boot(): void {
    this.#isUp = true;
    for (const entry of this.#roster.entries) {
      entry.toStart = true;
      entry.holdsOthers = !entry.isDynamic;
    }
  }

  #exited(entry: Entry, life: number, word: CrashReason, reason: ExitReason): void {
    if (life !== entry.lives || entry.state === "stopping" || !isAlive(entry.state)) return;
    const probed = entry.state === "probing";
    entry.holdsOthers = false;
    // Before this crash is counted: it is the first one after a stable life.
    this.#forgetIfStable(entry);
    const wanted = !this.#closing && !entry.toStop && mustRestart(entry.spec.restart, word, reason);
    if (wanted || isAbnormal(reason)) this.#chronicle.crashed(entry, word, reason);
    if (probed) entry.failedProbeCount += 1;
    this.#step(entry, "exited");
    if (probed) return;
    if (!wanted) {
      entry.toStop = false;
      this.#step(entry, "stop");
      return;
    }
    this.#decide(entry, reason);
  }

  #decide(entry: Entry, reason: ExitReason): void {
    const nowMs = this.#options.clock.nowMs();
    if (entry.window.exceededBy(nowMs) || entry.onProbation) {
      this.#step(entry, "quarantine");
      this.#chronicle.quarantined(entry);
      return;
    }
    if (this.#intensity.exceededBy(nowMs)) {
      this.#chronicle.escalated(entry);
      this.#escalation = { child: entry.spec.name, reason };
      this.#closing = true;
      this.#closeDown();
      return;
    }
    this.#step(entry, "restart");
    for (const sibling of siblingsOf<Entry>(this.#options.strategy, this.#roster.order, entry)) park(sibling, entry);
  }

  #due(entry: Entry): void {
    if (this.#closing) return;
    if (entry.state === "quarantined") {
      this.#step(entry, "due");
      return;
    }
    if (entry.state === "backing-off") bringBack(entry, this.#roster.rungs);
  }

  #holdDown(entry: Entry): void {
    if (entry.isForgotten) return;
    entry.held = true;
    entry.isResumed = false;
    entry.toStart = false;
    entry.parkedBy = undefined;
    if (isAlive(entry.state)) entry.toStop = true;
    else this.#step(entry, "stop");
  }

  #resumed(entry: Entry): void {
    if (this.#closing || entry.isForgotten || isAlive(entry.state)) return;
    entry.held = false;
    entry.isResumed = true;
    this.#lives.perform(entry, "disarm");
    bringBack(entry, this.#roster.rungs);
  }

  #closeDown(): void {
    for (const entry of this.#roster.entries) {
      entry.toStart = false;
      entry.parkedBy = undefined;
      if (entry.state !== "stopped" && entry.state !== "stopping") entry.toStop = true;
    }
  }

  /** The time for everything is over, also for those whose turn to stop has not come. */
  #cutOff(): void {
    for (const { stopping } of this.#roster.rungsDown) {
      for (const entry of stopping) this.#lives.cutOff(entry);
    }
    stopNext(this.#roster.rungsDown, false, this.#step);
  }

  // Order

  /** Does what is due and possible now: stops from the last rung down, then starts from the first rung up. */
  #settle(): void {
    // Under one-for-one nothing that starts has to do with what stops.
    const isOrdered = this.#closing || this.#options.strategy !== "one-for-one";
    if (!stopNext(this.#roster.rungsDown, isOrdered, this.#step)) return;
    if (this.#closing) {
      this.#allStopped();
      return;
    }
    releaseParked(this.#roster.rungs);
    if (!startNext(this.#roster.rungs, this.#step)) return;
    this.#booted?.();
    this.#booted = undefined;
  }

  #allStopped(): void {
    this.#lives.ended();
    this.#booted?.();
    this.#booted = undefined;
    const closed = this.#closed;
    this.#closed = [];
    for (const resolve of closed) resolve();
    const escalation = this.#escalation;
    this.#escalation = undefined;
    if (escalation !== undefined && closed.length === 0) this.#options.onEscalate(escalation);
  }

  #forgetIfStable(entry: Entry): void {
    if (this.#lives.isStable(entry)) this.#step(entry, "stable");
  }

  readonly #step = (entry: Entry, event: ChildEvent): void => {
    if (event === "stop") this.#forgetIfStable(entry);
    const move = childTable[entry.state][event];
    entry.state = move.state;
    if (isServing(move.state)) entry.holdsOthers = false;
    for (const effect of move.effects) this.#lives.perform(entry, effect);
    if (!entry.isOver) return;
    this.#options.onForget?.(entry.spec.name);
    this.#roster.forget(entry);
  };
}
