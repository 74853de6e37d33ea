/**
 * An actor: the address that stays, whichever incarnation lives behind it.
 *
 * Invariants:
 * - at most one incarnation lives; the next one begins when the last one's tasks and resources are gone;
 * - the user lane survives a restart, so only the message in hand and the tasks in flight fail;
 * - every call is answered exactly once, every cast has an outcome, and none of them throws.
 *
 * It does not decide when to restart: a supervisor does, through `start`, `stop`, `kill` and `onExit`.
 */
import type { Behavior } from "#runtime/behavior.ts";
import type { CallFailure } from "#runtime/call-failure.ts";
import { SLOT_TURNS_MAX } from "#runtime/dispatcher.ts";
import { assert, describeExit, type ExitReason, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { Incarnation, type Message, type Turn } from "#runtime/incarnation.ts";
import { Lane } from "#runtime/lane.ts";
import { findSource, LentSource } from "#runtime/lent-source.ts";
import type { Machine } from "#runtime/machine.ts";
import { Mailbox, type MailboxOptions } from "#runtime/mailbox.ts";
import { PendingCall } from "#runtime/pending-call.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { CallOptions, CastOutcome, Down, Ref } from "#runtime/ref.ts";
import type { Log } from "#runtime/telemetry/log.ts";

/** Callers that may wait for room (`whenFull: "wait"`). They hold edge permits, so permits are the real bound. */
export const WAITING_CALLERS_MAX = 4096;

/** `init` threw, or `stop` came before it was done. It is an ordinary exit with a reason: the supervisor decides. */
export interface StartFailed extends Failure<"runtime.start-failed"> {
  readonly actor: string;
  readonly reason: string;
}

/** The last incarnation did not end clean (`Actor.stop`): nothing may start beside what may be left of it. */
export interface NotClosed extends Failure<"runtime.not-closed"> {
  readonly actor: string;
  readonly shutdownMs: number;
}

export interface ActorOptions {
  readonly name: string;
  readonly behavior: Behavior<never, never, never, never>;
  readonly deps: unknown;
  readonly mailbox: MailboxOptions;
  readonly laterMax: number;
  readonly shutdownMs: number;
}

type Handler = (state: unknown, request: unknown, ctx: unknown) => unknown;

interface UrgentTurn {
  readonly incarnation: Incarnation;
  readonly run: Turn;
  readonly call: PendingCall | undefined;
}

export type Lifecycle = "stopped" | "starting" | "running" | "stopping";

export class Actor {
  readonly name: string;
  readonly machine: Machine;
  readonly behavior: Behavior<never, never, never, never>;
  readonly deps: unknown;
  readonly laterMax: number;
  readonly shutdownMs: number;
  readonly log: Log;
  readonly #handlers: Readonly<Record<string, Handler | undefined>>;
  readonly #mailbox: Mailbox<UrgentTurn, Message>;
  readonly #waiting: Lane<Message>;
  readonly #monitors = new Map<(down: Down) => void, Incarnation>();
  readonly #onExit: ((reason: ExitReason) => void)[] = [];
  #incarnation: Incarnation | undefined;
  #incarnationCount = 0;
  #lifecycle: Lifecycle = "stopped";
  /** The last `start`, settled or not. */
  #starting: Promise<unknown> | undefined;
  /** Whether the user lane takes messages: from the first start until stop or quarantine, also between incarnations. */
  #isOpen = false;
  #isQueued = false;
  #health: { readonly state: "ready" | "degraded"; readonly reason: string | undefined } = {
    state: "ready",
    reason: undefined,
  };
  #onHealth: () => void = () => undefined;

  constructor(options: ActorOptions, machine: Machine) {
    this.name = options.name;
    this.machine = machine;
    this.behavior = options.behavior;
    this.deps = options.deps;
    this.laterMax = options.laterMax;
    this.shutdownMs = options.shutdownMs;
    this.log = machine.log.with({ actor: options.name });
    this.#handlers = options.behavior.handlers as unknown as Record<string, Handler>;
    this.#mailbox = new Mailbox(options.mailbox);
    this.#waiting = new Lane(WAITING_CALLERS_MAX);
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

  get health(): { readonly state: "ready" | "degraded"; readonly reason: string | undefined } {
    return this.#health;
  }

  /** Runs after every end of an incarnation. The supervisor's hook. */
  onExit(run: (reason: ExitReason) => void): void {
    this.#onExit.push(run);
  }

  /** Runs when `health` changed. */
  onHealth(run: () => void): void {
    this.#onHealth = run;
  }

  /** A new incarnation. Settles when `init` has: its failure is also reported to `onExit`. */
  async start(): Promise<Result<void, StartFailed | NotClosed>> {
    assert(this.#lifecycle === "stopped", "an actor is started when none of its incarnations lives");
    this.#lifecycle = "starting";
    this.#isOpen = true;
    const starting = this.#beginLife();
    this.#starting = starting;
    return starting;
  }

  async #beginLife(): Promise<Result<void, StartFailed | NotClosed>> {
    const { clean } = (await this.#incarnation?.ended) ?? { clean: true };
    if (!clean) {
      this.#lifecycle = "stopped";
      return fail({ code: "runtime.not-closed", actor: this.name, shutdownMs: this.shutdownMs });
    }
    // Stopped meanwhile: a life that began now would have nobody to end it.
    if (this.#lifecycle !== "starting") {
      this.#lifecycle = "stopped";
      return this.#startFailed({ kind: "shutdown" });
    }

    this.#health = { state: "ready", reason: undefined };
    this.#incarnationCount += 1;
    const incarnation = new Incarnation(this, this.#incarnationCount);
    this.#incarnation = incarnation;
    const exit = await incarnation.begin();
    if (exit !== undefined) return this.#startFailed(exit);
    this.#lifecycle = "running";
    this.ready();
    return ok();
  }

  /**
   * Ends the current incarnation in good order and closes the user lane; a `start` under way fails. Settles when
   * everything is closed. Not `clean`: something did not close within `shutdownMs`, or `terminate` threw.
   */
  async stop(reason: ExitReason = { kind: "shutdown" }): Promise<{ readonly clean: boolean }> {
    this.#isOpen = false;
    this.#failLane();
    if (this.#lifecycle !== "stopped") this.#lifecycle = "stopping";
    const incarnation = this.#incarnation;
    incarnation?.finish(reason);
    const end = (await incarnation?.ended) ?? { clean: true };
    await this.#starting;
    return end;
  }

  /** Ends the current incarnation at once, as a crash with this defect. The user lane stays open. */
  kill(defect: unknown): void {
    this.#incarnation?.crash(defect);
  }

  call(name: string, request: unknown, options: CallOptions): Promise<Result<never, never>> {
    return new Promise((resolve) => {
      const refusal = this.#refusal(options);
      if (refusal !== undefined) return resolve(fail(refusal) as Result<never, never>);

      const call = new PendingCall(this.name, this.machine, options, resolve as (answer: unknown) => void);
      const found = findSource(request);
      if (found === undefined) return this.#offer({ name, request, call }, options);
      const lent = new LentSource(found.source, () => call.progressed(), undefined);
      call.borrow(lent);
      return this.#offer({ name, request: { ...(request as object), [found.key]: lent }, call }, options);
    });
  }

  cast(name: string, request: unknown): CastOutcome {
    if (!this.#isOpen) return "stopped";
    const offer = this.#mailbox.offer({ name, request, call: undefined });
    if (offer.kind === "rejected") {
      this.machine.rejected.add(1, { reason: "mailbox-full" });
      return "rejected";
    }
    this.ready();
    if (offer.kind === "displaced") this.#displaced(offer.oldest);
    return "accepted";
  }

  monitor(onDown: (down: Down) => void): () => void {
    const incarnation = this.#incarnation;
    if (incarnation === undefined || incarnation.hasEnded) {
      onDown({ actor: this.name, incarnation: this.#incarnationCount, reason: "no-actor" });
      return () => undefined;
    }
    this.#monitors.set(onDown, incarnation);
    return () => this.#monitors.delete(onDown);
  }

  /** The typed face of this actor. */
  ref<P extends Protocol<P>>(): Ref<P> {
    return this as unknown as Ref<P>;
  }

  /** For the incarnation: a turn on the control lane, dropped when it has ended. */
  control(incarnation: Incarnation, run: Turn, call: PendingCall | undefined): void {
    if (incarnation.hasEnded) return;
    this.#mailbox.control({ incarnation, run, call });
    this.ready();
  }

  /** For the incarnation: a turn on the signal lane. */
  signal(incarnation: Incarnation, run: Turn): void {
    if (incarnation.hasEnded) return;
    this.#mailbox.signal({ incarnation, run, call: undefined });
    this.ready();
  }

  handlerOf(name: string): Handler {
    const handler = this.#handlers[name];
    assert(handler !== undefined, `${this.name} has a handler for ${name}`);
    return handler;
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
    const monitors = [...this.#monitors.keys()];
    this.#monitors.clear();
    for (const onDown of monitors) onDown(down);
    for (const run of this.#onExit) run(reason);
  }

  /** Puts the actor in line when it has something to do. */
  ready(): void {
    if (this.#isQueued || this.#lifecycle !== "running") return;
    this.#isQueued = true;
    this.machine.dispatcher.enqueue(this);
  }

  runSlot(): number {
    this.#isQueued = false;
    let turns = 0;
    while (turns < SLOT_TURNS_MAX && this.#lifecycle === "running") {
      const incarnation = this.#incarnation;
      if (incarnation === undefined || incarnation.isBusy || !this.#takeTurn(incarnation)) return turns;
      turns += 1;
    }
    this.ready();
    return turns;
  }

  /** False when there was nothing that may run now. */
  #takeTurn(incarnation: Incarnation): boolean {
    const urgent = this.#mailbox.takeUrgent();
    if (urgent !== undefined) {
      urgent.incarnation.turn(urgent.run, urgent.call);
      return true;
    }
    // Every task has a settle to come: with no room for another, the user lane waits.
    if (incarnation.tasks.size >= this.laterMax) return false;
    const message = this.#mailbox.take();
    if (message === undefined) return false;
    if (this.#waiting.depth > 0) this.#admitWaiting();
    incarnation.handle(message);
    return true;
  }

  #offer(message: Message, options: CallOptions): void {
    const mustQueue = this.#waiting.depth > 0 && options.whenFull === "wait";
    const offer = mustQueue ? undefined : this.#mailbox.offer(message);
    if (offer !== undefined && offer.kind !== "rejected") {
      this.ready();
      if (offer.kind === "displaced") this.#displaced(offer.oldest);
      return;
    }
    if (options.whenFull === "wait" && this.#waiting.push(message)) return;
    this.machine.rejected.add(1, { reason: "mailbox-full" });
    message.call?.fail({ code: "runtime.mailbox-full", actor: this.name, executed: "no" });
  }

  /** First come, first served: a slot that became free goes to whoever waits longest and still wants it. */
  #admitWaiting(): void {
    for (let message = this.#waiting.take(); message !== undefined; message = this.#waiting.take()) {
      if (message.call?.answered === true) continue;
      this.#mailbox.offer(message);
      return;
    }
  }

  #displaced(message: Message): void {
    this.machine.rejected.add(1, { reason: "mailbox-displaced" });
    message.call?.fail({ code: "runtime.mailbox-full", actor: this.name, executed: "no" });
  }

  #startFailed(exit: ExitReason): Result<never, StartFailed> {
    return fail({ code: "runtime.start-failed", actor: this.name, reason: describeExit(exit) });
  }

  #refusal(options: CallOptions): CallFailure | undefined {
    const actor = this.name;
    const { within } = options;
    if (!this.#isOpen) return { code: "runtime.actor-stopped", actor, executed: "no" };
    if (within === undefined) return undefined;
    if (within.deadlineMs <= this.machine.clock.nowMs()) return { code: "runtime.expired", actor, executed: "no" };
    if (within.signal.aborted) return { code: "runtime.cancelled", actor, executed: "no" };
    return undefined;
  }

  #failLane(): void {
    const stopped = { code: "runtime.actor-stopped", actor: this.name, executed: "no" } as const;
    for (let message = this.#mailbox.take(); message !== undefined; message = this.#mailbox.take()) {
      message.call?.fail(stopped);
    }
    for (let message = this.#waiting.take(); message !== undefined; message = this.#waiting.take()) {
      message.call?.fail(stopped);
    }
  }
}
