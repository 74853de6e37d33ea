/**
 * One life of an actor: its state, the turn under way, its tasks, and how it ends.
 *
 * Invariants:
 * - turns never overlap; a handler that answers with a promise holds the mailbox until it settles;
 * - after the end no turn runs, no reply is given by it, and every use of its context is a counted no-op;
 * - the end happens once; `gone` settles when its `init`, the turn that goes on, tasks and resources are gone, or not
 *   within `shutdownMs`; a turn that took too long is not waited for;
 * - whatever else goes wrong at the end, its signal is aborted and its scope closed.
 */
import type { Actor } from "#runtime/actor.ts";
import type { Awaitable } from "#runtime/behavior.ts";
import { type Context, createContext } from "#runtime/context.ts";
import { assert, Defect, type ExitReason, type Failure, isResult, type Result } from "#runtime/errors.ts";
import { LATER, OwnWork } from "#runtime/later.ts";
import { dropSource, Lending } from "#runtime/lending.ts";
import { findSource } from "#runtime/lent-source.ts";
import type { Message } from "#runtime/message.ts";
import type { PendingCall } from "#runtime/pending-call.ts";
import { Scope } from "#runtime/scope.ts";
import { Tasks } from "#runtime/tasks.ts";
import { Deadline } from "#runtime/wheel.ts";

/** A turn of the upper lanes. */
export type Turn = () => Awaitable<unknown>;

/** Whether everything it had open was closed in time. */
export interface Gone {
  readonly clean: boolean;
}

export const CLEAN: Gone = { clean: true };
const UNCLEAN: Gone = { clean: false };

class TurnTimeout extends Deadline {
  readonly #incarnation: Incarnation;

  constructor(incarnation: Incarnation) {
    super();
    this.#incarnation = incarnation;
  }

  override onDue(): void {
    this.#incarnation.overrun();
  }
}

export class Incarnation {
  readonly actor: Actor;
  readonly number: number;
  readonly context: Context;
  // What most incarnations never need is made on first use: an idle actor is small.
  #scope: Scope | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #ownWork: OwnWork | undefined = undefined;
  #tasks: Tasks | undefined = undefined;
  #lending: Lending | undefined = undefined;
  #turnTimeout: TurnTimeout | undefined = undefined;
  #state: unknown = undefined;
  /** What the turn under way is about: the message being handled, or the one whose task is being settled. */
  #message: Message | undefined = undefined;
  /** Settles, never rejects, when the turn that goes on has. */
  #held: Promise<void> | undefined = undefined;
  #end: ExitReason | undefined = undefined;
  /** Nothing that could open something goes on: what comes now is closed at once. */
  #isReleased = false;
  /** Whoever asks for the signal now is told to end. */
  #isOff = false;
  /** Once nothing is left of it, or what is left did not close in time. */
  #gone: Gone | undefined = undefined;
  #onGone: PromiseWithResolvers<Gone> | undefined = undefined;
  /** Settles, never rejects, when an `init` that takes its time has. */
  #initialising: Promise<void> | undefined = undefined;
  #isInitialised = false;
  /** `init` or a handler is on the stack: what it opens, and whether it goes on, is not known yet. */
  #isOnStack = false;
  #isClosing = false;
  /** It was killed while it ended in good order: what has not begun to terminate does not. */
  #isCutShort = false;

  constructor(actor: Actor, number: number) {
    this.actor = actor;
    this.number = number;
    this.context = createContext(this);
  }

  get scope(): Scope {
    if (this.#scope === undefined) {
      this.#scope = new Scope();
      if (this.#isReleased) void this.#scope.close();
    }
    return this.#scope;
  }

  /** Aborted at the end; the signal of casts and timers. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isOff) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** What it does for no call: a cast, a timer, a DOWN. */
  get ownWork(): OwnWork {
    this.#ownWork ??= new OwnWork(this);
    return this.#ownWork;
  }

  get taskCount(): number {
    return this.#tasks === undefined ? 0 : this.#tasks.count;
  }

  get state(): unknown {
    return this.#state;
  }

  /** Why it ended; undefined while it lives. */
  get end(): ExitReason | undefined {
    return this.#end;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  get isBusy(): boolean {
    return this.#held !== undefined;
  }

  /** Those that it has begun. */
  get tasks(): Tasks {
    this.#tasks ??= new Tasks(this.actor.laterMax);
    return this.#tasks;
  }

  get message(): Message | undefined {
    return this.#message;
  }

  /** `Within` of the message in hand. */
  get inHand(): PendingCall | undefined {
    const call = this.#message?.call;
    // A settle behind a reply has no more to do with the call.
    return this.#end === undefined && call?.hasReply === false ? call : undefined;
  }

  /** How it went, once it has ended and closed what it had open; `clean` is as `Actor.stop` says. */
  get gone(): Awaitable<Gone> {
    if (this.#gone !== undefined) return this.#gone;
    this.#onGone ??= Promise.withResolvers();
    return this.#onGone.promise;
  }

  /**
   * Runs `init`; a promise where that takes its time. A throw becomes the exit reason; an `init` that never settles is
   * over when the incarnation is.
   */
  begin(): Promise<void> | undefined {
    const { behavior, deps } = this.actor;
    this.#isOnStack = true;
    try {
      const state: unknown = behavior.init(deps as never, this.context as never);
      if (isPromise(state)) this.#initialising = this.#initialiseSlowly(state);
      else this.#initialised(state);
    } catch (defect) {
      this.crash(defect);
    }
    this.#offStack();
    if (this.#initialising === undefined) return undefined;
    return Promise.race([this.#initialising, this.gone]).then(() => undefined);
  }

  async #initialiseSlowly(state: Promise<unknown>): Promise<void> {
    try {
      this.#initialised(await state);
    } catch (defect) {
      this.crash(defect);
    }
  }

  #initialised(state: unknown): void {
    if (this.#end !== undefined) return;
    this.#state = state;
    this.#isInitialised = true;
  }

  /** One message of the user lane. */
  handle(message: Message): void {
    const { call } = message;
    const handler = this.actor.handlerOf(message.name);
    if (handler === undefined) {
      this.actor.losses.unknown(message);
      return;
    }
    if (call !== undefined) call.begun = true;
    this.#message = message;
    this.#isOnStack = true;
    try {
      this.#answered(handler(this.#state, message.request, this.context), call);
    } catch (defect) {
      this.#threw(defect);
    }
    this.#offStack();
  }

  /** One turn of the upper lanes, about `message` when it settles a task of it. */
  turn(run: Turn, message: Message | undefined): void {
    if (this.hasEnded) return;
    const call = message?.call;
    this.#message = message;
    this.#isOnStack = true;
    try {
      this.#answered(run(), call);
    } catch (defect) {
      this.#threw(defect);
    }
    this.#offStack();
  }

  #answered(answer: unknown, call: PendingCall | undefined): void {
    if (isPromise(answer)) this.#hold(answer, call);
    else this.reply(answer, call);
  }

  #threw(defect: unknown): void {
    this.#isOnStack = false;
    this.crash(defect);
  }

  /** Closes what ended meanwhile. */
  #offStack(): void {
    this.#isOnStack = false;
    if (this.#held === undefined) this.#message = undefined;
    if (this.#end !== undefined && !this.#isClosing) this.#close(this.#end);
  }

  reply(answer: unknown, call: PendingCall | undefined): void {
    if (call === undefined || answer === LATER) return;
    if (call.answered || this.#end !== undefined) {
      this.#dropReply(answer);
      return;
    }
    assert(isResult(answer), "a call is answered with a Result");
    call.reply(answer.ok ? this.#lend(answer) : answer);
  }

  crash(defect: unknown): void {
    this.finish({ kind: "crashed", defect });
  }

  /** The turn that goes on does so for too long. Nobody waits for it. */
  overrun(): void {
    this.#held = undefined;
    this.crash(new Defect("a turn took longer than turnTimeoutMs"));
  }

  /** The end, whatever the reason. Only the first one counts. */
  finish(reason: ExitReason): void {
    if (this.#end !== undefined) {
      this.#isCutShort ||= reason.kind === "crashed";
      return;
    }
    this.#end = reason;
    const { actor } = this;
    if (this.#turnTimeout !== undefined) actor.machine.wheel.disarm(this.#turnTimeout);
    const failure = { code: "runtime.actor-crashed", actor: actor.name, executed: "maybe" } as const;
    const inHand = this.#message;
    if (inHand !== undefined) actor.losses.inHand(inHand, reason, actor.mayRunAgain(inHand.name));
    this.#loseTasks(inHand, reason);
    this.#lending?.end(failure);
    if (!this.#isOnStack) this.#close(reason);
    actor.onIncarnationEnd(this, reason);
  }

  /** One message may be in hand and have several tasks in flight: it is lost once. */
  #loseTasks(inHand: Message | undefined, reason: ExitReason): void {
    if (this.#tasks === undefined) return;
    for (const message of this.#tasks.end()) if (message !== inHand) this.actor.losses.inFlight(message, reason);
  }

  #close(reason: ExitReason): void {
    this.#isClosing = true;
    const { actor } = this;
    const isOrderly = reason.kind === "shutdown" || reason.kind === "normal";
    const mustTerminate = isOrderly && this.#isInitialised && actor.behavior.terminate !== undefined;
    const isWaited = this.#initialising !== undefined || this.#held !== undefined;
    const isIdle = this.#scope === undefined && this.taskCount === 0 && !isWaited;
    if (isIdle && !mustTerminate) {
      this.#isReleased = true;
      this.#tellToEnd();
      this.#goneWith(CLEAN);
      return;
    }
    const timer = actor.machine.clock.after(actor.shutdownMs, () => this.#goneWith(UNCLEAN));
    const over = (clean: boolean): void => {
      timer.cancel();
      this.#goneWith(clean ? CLEAN : UNCLEAN);
    };
    this.#release(mustTerminate ? reason : undefined).then(
      () => over(true),
      (error: unknown) => {
        actor.machine.log.error("terminate-failed", { actor: actor.name, error });
        over(false);
      },
    );
  }

  #goneWith(gone: Gone): void {
    if (this.#gone !== undefined) return;
    this.#gone = gone;
    this.#onGone?.resolve(gone);
  }

  /** With a reason to terminate for. It is fenced already, so `terminate` is the last that touches state. */
  async #release(reason: ExitReason | undefined): Promise<void> {
    const { actor } = this;
    try {
      if (this.#held !== undefined) await this.#turnOver(this.#held);
      const isInTime = !this.#isCutShort && this.#gone === undefined;
      if (reason !== undefined && isInTime)
        await actor.behavior.terminate?.(this.#state as never, reason, this.context as never);
    } finally {
      this.#tellToEnd();
      // What an `init` under way has opened, or still opens, is in use until it settles.
      await this.#initialising;
      if (this.taskCount > 0) await this.#tasks?.settled();
      const { scope } = this;
      this.#isReleased = true;
      const errors = await scope.close();
      for (const error of errors) actor.machine.log.error("scope-close-failed", { actor: actor.name, error });
    }
  }

  #tellToEnd(): void {
    this.#isOff = true;
    this.#controller?.abort();
  }

  /** The turn in hand is told to end, and waited for: what comes after it touches the same state. */
  async #turnOver(held: Promise<void>): Promise<void> {
    this.#tellToEnd();
    await held;
    // What terminates has a signal of its own.
    this.#controller = undefined;
    this.#isOff = false;
  }

  #hold(answer: Promise<unknown>, call: PendingCall | undefined): void {
    const { machine } = this.actor;
    this.#turnTimeout ??= new TurnTimeout(this);
    const timeout = this.#turnTimeout;
    const beganMs = machine.clock.nowMs();
    if (!this.hasEnded) machine.wheel.arm(timeout, beganMs + machine.turnTimeoutMs);
    const release = (): boolean => {
      if (this.hasEnded) return false;
      machine.wheel.disarm(timeout);
      this.actor.pace.end(beganMs);
      this.#held = undefined;
      return true;
    };
    // Through a promise of our own: anything may have a `then`.
    this.#held = Promise.resolve(answer).then(
      (value) => {
        if (!release()) {
          this.#dropReply(value);
          return;
        }
        try {
          this.reply(value, call);
        } catch (defect) {
          this.crash(defect);
        }
        this.#message = undefined;
        this.actor.ready();
      },
      (defect: unknown) => {
        if (release()) this.crash(defect);
        else machine.log.error("turn-failed-after-end", { actor: this.actor.name, error: defect });
      },
    );
  }

  #dropReply(answer: unknown): void {
    if (isResult(answer) && answer.ok) dropSource(answer.value, this.actor.machine);
  }

  #lend(answer: Result<unknown, Failure> & { ok: true }): Result<unknown, Failure> {
    const found = findSource(answer.value);
    if (found === undefined) return answer;
    this.#lending ??= new Lending(this.actor.machine);
    return this.#lending.lend(answer.value as object, found);
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && typeof (value as Promise<unknown>).then === "function";
}
