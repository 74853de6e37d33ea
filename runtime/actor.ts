/**
 * An actor: the address that stays, whichever incarnation lives behind it.
 *
 * Invariants:
 * - at most one incarnation lives; the next one begins when the last one's turn, tasks and resources are gone;
 * - the user lane survives a restart, so only the message in hand and the tasks in flight fail;
 * - every call is answered exactly once, every cast has an outcome, and none of them throws.
 *
 * It does not decide when to restart: a supervisor does, through `start`, `stop`, `kill` and `onExit`.
 */
import type { Behavior } from "#runtime/behavior.ts";
import type { CallFailure } from "#runtime/call-failure.ts";
import type { DeadLetter } from "#runtime/dead-letters.ts";
import { assert, Defect, describeExit, type ExitReason, fail, ok, type Result } from "#runtime/errors.ts";
import type { Failpoints } from "#runtime/failpoints.ts";
import { type Handler, type HandlerTable, handlersOf } from "#runtime/handlers.ts";
import { CLEAN, type Gone, Incarnation, type Turn } from "#runtime/incarnation.ts";
import { findSource, LentSource } from "#runtime/lent-source.ts";
import { Losses, type NotReplayed } from "#runtime/losses.ts";
import type { Machine } from "#runtime/machine.ts";
import { Mailbox, type MailboxOptions } from "#runtime/mailbox.ts";
import { type Message, Told } from "#runtime/message.ts";
import { Monitors } from "#runtime/monitors.ts";
import { type OwnHealth, READY } from "#runtime/own-health.ts";
import { Pace } from "#runtime/pace.ts";
import { isOver, PendingCall } from "#runtime/pending-call.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { CallOptions, CastOutcome, Down, Ref } from "#runtime/ref.ts";
import type { NotClosed, StartFailed } from "#runtime/start-failure.ts";
import type { Log } from "#runtime/telemetry/log.ts";

export interface ActorOptions {
  readonly name: string;
  readonly behavior: Behavior<never, never, never, never>;
  readonly deps: unknown;
  readonly mailbox: MailboxOptions;
  readonly laterMax: number;
  readonly shutdownMs: number;
}

interface UrgentTurn {
  readonly incarnation: Incarnation;
  /** `settle`, `timer` or `down`. */
  readonly what: string;
  readonly run: Turn;
  /** That which it settles. */
  readonly message: Message | undefined;
}

const STOPPED: ExitReason = { kind: "shutdown" };
const NONE: Readonly<Record<string, true | undefined>> = {};
const MAILBOX_FULL = { reason: "mailbox-full" };
const nothing = (): void => undefined;

export type Lifecycle = "stopped" | "starting" | "running" | "stopping";

export class Actor {
  readonly name: string;
  readonly machine: Machine;
  readonly behavior: Behavior<never, never, never, never>;
  readonly deps: unknown;
  readonly laterMax: number;
  readonly shutdownMs: number;
  readonly #handlers: HandlerTable;
  readonly #idempotent: Readonly<Record<string, true | undefined>>;
  readonly #mailbox: Mailbox<UrgentTurn, Message>;
  readonly #monitors = new Monitors();
  #losses: Losses | undefined = undefined;
  /** None, before one is armed: see `armFailpoint`. */
  failpoints: Failpoints | undefined = undefined;
  #log: Log | undefined = undefined;
  #onExit: (reason: ExitReason) => void = nothing;
  #incarnation: Incarnation | undefined = undefined;
  #incarnationCount = 0;
  #lifecycle: Lifecycle = "stopped";
  /** The last `start`, settled or not. */
  #starting: Promise<unknown> | undefined;
  /** Whether the user lane takes messages: from the first start until stop or quarantine, also between incarnations. */
  #isOpen = false;
  #isQueued = false;
  readonly pace: Pace;
  #turnCount = 0;
  /** A message's name, or `settle`, `timer`, `down`. */
  #lastTurn = "";
  #health = READY;
  #onHealth: () => void = nothing;

  constructor(options: ActorOptions, machine: Machine) {
    this.name = options.name;
    this.machine = machine;
    this.behavior = options.behavior;
    this.deps = options.deps;
    this.laterMax = options.laterMax;
    this.shutdownMs = options.shutdownMs;
    this.#handlers = handlersOf(options.behavior.handlers);
    this.#idempotent = options.behavior.idempotent ?? NONE;
    this.#mailbox = new Mailbox(options.mailbox);
    this.pace = new Pace(options.name, machine);
  }

  get log(): Log {
    this.#log ??= this.machine.log.with({ actor: this.name });
    return this.#log;
  }

  get lifecycle(): Lifecycle {
    return this.#lifecycle;
  }

  /** Count of lives so far; the number of the current one. */
  get incarnation(): number {
    return this.#incarnationCount;
  }

  get mailboxDepth(): number {
    return this.#mailbox.depth;
  }

  get mailboxCapacity(): number {
    return this.#mailbox.capacity;
  }

  /** Turns so far: messages, settles, timers, DOWNs. */
  get turnCount(): number {
    return this.#turnCount;
  }

  get health(): OwnHealth {
    return this.#health;
  }

  /** Runs after every end of an incarnation. The supervisor's hook. */
  onExit(run: (reason: ExitReason) => void): void {
    this.#onExit = run;
  }

  /** Runs when `health` changed. */
  onHealth(run: () => void): void {
    this.#onHealth = run;
  }

  /** A new incarnation. Settles when `init` has: its failure is also reported to `onExit`. */
  start(): Promise<Result<void, StartFailed | NotClosed>> {
    assert(this.#lifecycle === "stopped", "an actor is started when none of its incarnations lives");
    this.#lifecycle = "starting";
    this.#isOpen = true;
    const starting = this.#beginLife();
    if (this.#lifecycle !== "starting") return starting;
    const settled = starting.finally(() => {
      this.#starting = undefined;
    });
    this.#starting = settled;
    return settled;
  }

  async #beginLife(): Promise<Result<void, StartFailed | NotClosed>> {
    const last = this.#incarnation?.gone;
    const { clean } = last instanceof Promise ? await last : (last ?? CLEAN);
    if (!clean) {
      this.#lifecycle = "stopped";
      return fail({ code: "runtime.not-closed", actor: this.name, shutdownMs: this.shutdownMs });
    }
    // Stopped meanwhile: a life that began now would have nobody to end it.
    if (this.#lifecycle !== "starting") {
      this.#lifecycle = "stopped";
      return this.#startFailed({ kind: "shutdown" });
    }

    this.#health = READY;
    this.#incarnationCount += 1;
    const incarnation = new Incarnation(this, this.#incarnationCount);
    this.#incarnation = incarnation;
    const begun = incarnation.begin();
    if (begun !== undefined) await begun;
    // It may have ended since its `init` was done.
    if (incarnation.end !== undefined) return this.#startFailed(incarnation.end);
    this.#lifecycle = "running";
    this.ready();
    return ok();
  }

  /**
   * Ends the current incarnation in good order and closes the user lane; a `start` under way fails. Settles when
   * everything is closed. Not `clean`: something did not close within `shutdownMs`, or `terminate` threw.
   */
  async stop(reason: ExitReason = STOPPED): Promise<Gone> {
    this.#isOpen = false;
    if (this.#mailbox.depth > 0) this.losses.waiting();
    if (this.#lifecycle !== "stopped") this.#lifecycle = "stopping";
    const incarnation = this.#incarnation;
    incarnation?.finish(reason);
    const gone = incarnation?.gone ?? CLEAN;
    const end = gone instanceof Promise ? await gone : gone;
    if (this.#starting !== undefined) await this.#starting;
    return end;
  }

  /** Ends the incarnation that lives, if any, at once, as a crash with this defect. The user lane stays open. */
  kill(defect: unknown): void {
    this.#incarnation?.crash(defect);
  }

  call(name: string, request: unknown, options: CallOptions): Promise<Result<never, never>> {
    // Before anything is made: under overload most calls end here.
    const refusal = this.#refusal(options);
    if (refusal !== undefined) return Promise.resolve(fail(refusal) as Result<never, never>);

    return new Promise((resolve) => {
      const call = new PendingCall(this, name, request, options, resolve as (answer: unknown) => void);
      const found = findSource(request);
      if (found !== undefined) {
        const lent = new LentSource(found.source, this.machine, () => call.progressed(), undefined);
        call.borrow(lent, { ...(request as object), [found.key]: lent });
      }
      return this.#offer(call, options);
    });
  }

  cast(name: string, request: unknown): CastOutcome {
    return this.accept(new Told(name, request));
  }

  /** A message that nobody waits for. */
  accept(message: Told): "accepted" | "rejected" | "stopped" {
    if (!this.#isOpen) return "stopped";
    const offer = this.#mailbox.offer(message);
    if (offer.kind === "rejected") {
      this.machine.rejected.add(1, MAILBOX_FULL);
      return "rejected";
    }
    if (offer.kind === "displaced") this.losses.displaced(offer.oldest);
    this.pace.offered(message);
    this.ready();
    return "accepted";
  }

  monitor(onDown: (down: Down) => void): () => void {
    const incarnation = this.#incarnation;
    if (incarnation === undefined || incarnation.hasEnded) {
      onDown({ actor: this.name, incarnation: this.#incarnationCount, reason: "no-actor" });
      return () => undefined;
    }
    return this.#monitors.add(onDown);
  }

  /** What was accepted and lost, oldest first: at most `DEAD_LETTERS_MAX`. */
  get deadLetters(): readonly DeadLetter[] {
    return this.#losses?.letters ?? [];
  }

  /** Sends a dead letter again, as a message that nobody waits for. It is a letter no more once it was accepted. */
  replay(letter: number): Result<void, NotReplayed> {
    return this.losses.replay(letter);
  }

  /** The typed face of this actor. */
  ref<P extends Protocol<P>>(): Ref<P> {
    return this as unknown as Ref<P>;
  }

  /** For the incarnation: a turn on the control lane, dropped when it has ended. */
  control(incarnation: Incarnation, what: string, run: Turn, message: Message | undefined): void {
    if (incarnation.hasEnded) return;
    if (this.#mailbox.control({ incarnation, what, run, message })) this.ready();
    else incarnation.crash(new Defect("more timers and settles are due than CONTROL_LANE_MAX"));
  }

  /** For the incarnation: a turn on the signal lane. */
  signal(incarnation: Incarnation, what: string, run: Turn): void {
    if (incarnation.hasEnded) return;
    if (this.#mailbox.signal({ incarnation, what, run, message: undefined })) this.ready();
    else incarnation.crash(new Defect("more DOWNs are due than CONTROL_LANE_MAX"));
  }

  handlerOf(name: string): Handler | undefined {
    return this.#handlers[name];
  }

  /** For the incarnation: where messages go that it did not finish. */
  get losses(): Losses {
    this.#losses ??= new Losses(this, this.#mailbox);
    return this.#losses;
  }

  /** For the incarnation: whether a message of this name may be handled by the next one. */
  mayRunAgain(name: string): boolean {
    return this.#isOpen && this.#idempotent[name] === true;
  }

  /** For a call that is over while it waits in line. */
  onCallLeft(call: PendingCall): void {
    this.pace.lost(call);
    this.#mailbox.onCallLeft();
  }

  reportHealth(state: "ready" | "degraded", reason: string | undefined): void {
    if (this.#health.state === state && this.#health.reason === reason) return;
    this.#health = { state, reason };
    this.#onHealth();
  }

  onIncarnationEnd(incarnation: Incarnation, reason: ExitReason): void {
    this.#mailbox.clearUrgent();
    this.#lifecycle = "stopped";
    const down: Down = { actor: this.name, incarnation: incarnation.number, reason: reason.kind };
    this.#monitors.tell(down, (defect) => this.machine.surface(defect));
    this.#onExit(reason);
  }

  /** Puts the actor in line when it has something to do. */
  ready(): void {
    if (this.#isQueued || this.#lifecycle !== "running") return;
    this.#isQueued = true;
    this.machine.dispatcher.enqueue(this);
  }

  runSlot(turnsMax: number): number {
    this.#isQueued = false;
    const beganMs = this.pace.begin();
    let turns = 0;
    let expired = 0;
    let hasMore = true;
    while (turns + expired < turnsMax && this.#lifecycle === "running") {
      const incarnation = this.#incarnation;
      const took = incarnation === undefined || incarnation.isBusy ? "nothing" : this.#takeTurn(incarnation);
      hasMore = took !== "nothing";
      if (!hasMore) break;
      if (took === "expired") {
        expired += 1;
        continue;
      }
      turns += 1;
      // The first one is timed. If it goes on, that is when its promise settles.
      if (turns > 1 || beganMs === undefined || incarnation?.isBusy !== false) continue;
      if (took === "message") this.pace.endOfMessage(beganMs);
      else this.pace.end(beganMs);
    }
    if (turns > 0) {
      this.machine.recent.note(this.name, this.#lastTurn, turns);
      this.#turnCount += turns;
    }
    if (hasMore) this.ready();
    return turns + expired;
  }

  /** Takes what is next, if anything may run now. */
  #takeTurn(incarnation: Incarnation): "control" | "message" | "expired" | "nothing" {
    const urgent = this.#mailbox.takeUrgent();
    if (urgent !== undefined) {
      this.#lastTurn = urgent.what;
      urgent.incarnation.turn(urgent.run, urgent.message);
      return "control";
    }
    // Every task has a settle to come: with no room for another, the user lane waits.
    if (incarnation.taskCount >= this.laterMax) return "nothing";
    const message = this.#mailbox.take();
    if (message === undefined) return "nothing";
    this.pace.taken(message);
    const { call } = message;
    if (call !== undefined && this.pace.isTooLate(call.dueMs)) {
      call.expire();
      return "expired";
    }
    this.#lastTurn = message.name;
    incarnation.handle(message);
    return "message";
  }

  #offer(call: PendingCall, options: CallOptions): void {
    const offer = options.whenFull === "wait" ? this.#mailbox.offerOrWait(call) : this.#mailbox.offer(call);
    if (offer.kind !== "rejected") {
      if (offer.kind === "displaced") this.losses.displaced(offer.oldest);
      this.pace.offered(call);
      this.ready();
      return;
    }
    this.machine.rejected.add(1, MAILBOX_FULL);
    call.fail({ code: "runtime.mailbox-full", actor: this.name, executed: "no" });
  }

  #startFailed(exit: ExitReason): Result<never, StartFailed> {
    return fail({ code: "runtime.start-failed", actor: this.name, reason: describeExit(exit) });
  }

  #refusal(options: CallOptions): CallFailure | undefined {
    const actor = this.name;
    const { within } = options;
    if (!this.#isOpen) return { code: "runtime.actor-stopped", actor, executed: "no" };
    if (options.whenFull !== "wait" && this.#mailbox.refuses()) {
      this.machine.rejected.add(1, MAILBOX_FULL);
      return { code: "runtime.mailbox-full", actor, executed: "no" };
    }
    if (within === undefined) return undefined;
    const caller = within.stable ?? within;
    if (caller.deadlineMs <= this.machine.clock.recentMs()) return { code: "runtime.expired", actor, executed: "no" };
    return isOver(caller) ? { code: "runtime.cancelled", actor, executed: "no" } : undefined;
  }
}
