/**
 * What an actor is made of: one handler per message, and a fresh state for every incarnation.
 */
import type { Bus } from "#runtime/bus.ts";
import type { Clock } from "#runtime/clock.ts";
import type { ExitReason, Failure, Result } from "#runtime/errors.ts";
import type { Call, Cast, IdempotentName, Protocol } from "#runtime/protocol.ts";
import type { Random } from "#runtime/random.ts";
import type { Down, Within } from "#runtime/ref.ts";
import type { Scope } from "#runtime/scope.ts";
import type { Log } from "#runtime/telemetry/log.ts";

/** A value, or the promise of one: a handler that answers with no promise costs none. */
export type Awaitable<T> = T | Promise<T>;

/** The promise of an answer that `settle` gives. Only `ctx.later` makes one. */
export interface Later<Answer> {
  readonly later: true;
  /** Never set: it only carries the type. */
  readonly answer?: Answer;
}

/** What a task started by `later` knows: nothing of the state, so it cannot race with it. */
export type Task = Within;

/**
 * What a handler is handed beside state and request. As `Within` it describes the message in hand.
 *
 * When its incarnation ends it is *fenced*: `signal` is aborted and everything else becomes a counted no-op.
 */
export interface ActorContext<Events, State> extends Within {
  readonly name: string;
  /** 1 for the first life. */
  readonly incarnation: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What is opened here is closed by the runtime on any exit, in reverse order. */
  readonly scope: Scope;

  /** Announces a fact to whoever listens; may be missed. */
  publish<N extends keyof Events & string>(name: N, event: Events[N]): void;

  /**
   * Frees the mailbox while `task` waits for something. `settle` runs as a turn of its own and gives the answer;
   * it runs even when the caller has given up, because state may need putting right. A task that throws is a defect.
   *
   * At `laterMax` of them no message is handled before one has ended. What a timer, a DOWN, or a handler with its second
   * task begins then waits for a place: tasks that wait for each other may do so for ever.
   */
  later<Outcome, Answer>(
    task: (task: Task) => Promise<Outcome>,
    settle: (state: State, outcome: Outcome, ctx: ActorContext<Events, State>) => Awaitable<Answer>,
  ): Later<Answer>;

  /** Runs `turn` on the control lane after `delayMs`, unless the incarnation has ended. Returns an undo. */
  after(delayMs: number, turn: (state: State, ctx: ActorContext<Events, State>) => Awaitable<void>): () => void;

  /** Delivers exactly one DOWN for the target's current incarnation, as a turn on the signal lane. */
  monitor(
    target: { monitor(onDown: (down: Down) => void): () => void },
    onDown: (state: State, down: Down, ctx: ActorContext<Events, State>) => Awaitable<void>,
  ): () => void;

  /** Says how ready this actor is: `degraded` with a reason while e.g. an index is rebuilt, `ready` afterwards. */
  health(state: "ready" | "degraded", reason?: string): void;

  /**
   * Passes a failpoint, one of the behavior's `failpoints`. Nothing happens, unless somebody has armed it: then it throws, and
   * the incarnation ends there as by any defect.
   */
  maybe(failpoint: string): void;
}

type Handler<Message, Events, State> =
  Message extends Call<infer Request, infer Reply, infer Failures extends Failure>
    ? (
        state: State,
        request: Request,
        ctx: ActorContext<Events, State>,
      ) => Awaitable<Result<Reply, Failures> | Later<Result<Reply, Failures>>>
    : Message extends Cast<infer Request>
      ? (state: State, request: Request, ctx: ActorContext<Events, State>) => Awaitable<void | Later<void>>
      : never;

/**
 * One handler per message, called with state, request and context. A message without a handler does not compile.
 *
 * The handler of a call answers with a `Result`, a promise of one, or what `ctx.later` gave it; that of a cast with
 * nothing. One that answers with a promise holds the mailbox until it settles.
 */
export type Handlers<P, Events, State> = {
  readonly [Name in keyof P]: Handler<P[Name], Events, State>;
};

/**
 * What it hears, what it announces, what it needs, what it remembers.
 *
 * A behavior itself is stateless: `init` makes a fresh state for every incarnation, so nothing a crash corrupted
 * survives a restart by accident.
 */
export interface Behavior<P extends Protocol<P>, Events, Deps, State> {
  readonly name: string;
  /** Short: long recovery is a state (`ctx.health("degraded", …)`), not a long init. A throw is a failed start. */
  init(deps: Deps, ctx: ActorContext<Events, State>): Awaitable<State>;
  readonly handlers: Handlers<P, Events, State>;
  /**
   * Messages that may be handled again after a crash, of those that the protocol declares idempotent. Such a message
   * goes to the next incarnation, up to `ENTERED_MAX` of them; then it is poison, and a dead letter.
   */
  readonly idempotent?: { readonly [Name in keyof P]?: Name extends IdempotentName<P> ? true : never };
  /** Places at which it can be made to crash, as `ctx.maybe` names them. */
  readonly failpoints?: readonly string[];
  /**
   * Best effort: it is skipped after a crash and cut short after `shutdownMs`. A handler that still goes on is told by its
   * signal, and ends first.
   */
  terminate?(state: State, reason: ExitReason, ctx: ActorContext<Events, State>): Awaitable<void>;
}

/** An actor's event as it travels on the bus. */
export interface ActorEvent {
  readonly type: "ActorEvent";
  readonly actor: string;
  readonly name: string;
  readonly event: unknown;
}

export type EventBus = Bus<{ readonly type: string }>;
