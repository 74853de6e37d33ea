/**
 * The `ctx` of an incarnation. One object serves all its turns: turns never overlap, and `deadlineMs`, `signal` and
 * `trace` are those of the message in hand. Tasks get their own (`TaskSlot`).
 */
import type { ActorContext, ActorEvent, Awaitable, Later } from "#runtime/behavior.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Incarnation } from "#runtime/incarnation.ts";
import { LATER, TaskSlot } from "#runtime/later.ts";
import type { Random } from "#runtime/random.ts";
import type { Down, Trace, Within } from "#runtime/ref.ts";
import type { Scope } from "#runtime/scope.ts";
import type { Log } from "#runtime/telemetry/log.ts";

type Erased = ActorContext<Record<string, unknown>, unknown>;
type ErasedTurn = (state: unknown, ctx: Context) => Awaitable<unknown>;

export class Context implements Erased {
  readonly #incarnation: Incarnation;

  constructor(incarnation: Incarnation) {
    this.#incarnation = incarnation;
  }

  get name(): string {
    return this.#incarnation.actor.name;
  }

  get incarnation(): number {
    return this.#incarnation.number;
  }

  get clock(): Clock {
    return this.#incarnation.actor.machine.clock;
  }

  get random(): Random {
    return this.#incarnation.actor.machine.random;
  }

  get log(): Log {
    return this.#incarnation.actor.log;
  }

  get scope(): Scope {
    return this.#incarnation.scope;
  }

  get deadlineMs(): number {
    return this.#incarnation.inHand?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  get signal(): AbortSignal {
    return this.#incarnation.inHand?.signal ?? this.#incarnation.signal;
  }

  get trace(): Trace | undefined {
    return this.#incarnation.inHand?.trace;
  }

  get stable(): Within {
    return this.#incarnation.inHand ?? this.#incarnation.ownWork;
  }

  publish(name: string, event: unknown): void {
    if (this.#isFenced()) return;
    const announced: ActorEvent = { type: "ActorEvent", actor: this.name, name, event };
    this.#incarnation.actor.machine.bus.publish(announced);
  }

  later<Outcome, Answer>(
    task: (task: Within) => Promise<Outcome>,
    settle: (state: unknown, outcome: Outcome, ctx: Context) => Awaitable<Answer>,
  ): Later<Answer> {
    if (this.#isFenced()) return LATER;
    const incarnation = this.#incarnation;
    const slot = new TaskSlot(incarnation.message, incarnation);
    const done = (outcome: Outcome): void => {
      // The slot is kept until its turn runs: an end before that must fail its call.
      const turn = (): Awaitable<Answer> => {
        incarnation.tasks.leave(slot);
        // The task that has its place now may have ended the life.
        if (incarnation.hasEnded) return LATER as never;
        return settle(incarnation.state, outcome, this);
      };
      incarnation.actor.control(incarnation, "settle", turn, slot.message);
    };
    const failed = (defect: unknown): void => {
      // Still among the tasks, so that the end of the incarnation fails its call too. No-op if it has ended.
      incarnation.crash(defect);
      incarnation.tasks.leave(slot);
    };
    incarnation.tasks.place(slot, () => {
      try {
        slot.settled = task(slot).then(done, failed);
      } catch (defect) {
        failed(defect);
      }
    });
    return LATER;
  }

  after(delayMs: number, turn: ErasedTurn): () => void {
    if (this.#isFenced()) return () => undefined;
    const incarnation = this.#incarnation;
    // Its turn may be queued when it is undone.
    let isUndone = false;
    const run = (): Awaitable<unknown> => (isUndone ? undefined : turn(incarnation.state, this));
    const timer = this.clock.after(delayMs, () => {
      forget();
      incarnation.actor.control(incarnation, "timer", run, undefined);
    });
    const forget = this.scope.add(() => timer.cancel());
    return () => {
      isUndone = true;
      forget();
      timer.cancel();
    };
  }

  monitor(
    target: { monitor(onDown: (down: Down) => void): () => void },
    onDown: (state: unknown, down: Down, ctx: Context) => Awaitable<void>,
  ): () => void {
    if (this.#isFenced()) return () => undefined;
    const incarnation = this.#incarnation;
    let forget: () => void = () => undefined;
    let isDown = false;
    let isUndone = false;
    const undo = target.monitor((down) => {
      isDown = true;
      forget();
      const run = (): Awaitable<unknown> => (isUndone ? undefined : onDown(incarnation.state, down, this));
      incarnation.actor.signal(incarnation, "down", run);
    });
    if (!isDown) forget = this.scope.add(undo);
    return () => {
      isUndone = true;
      forget();
      undo();
    };
  }

  health(state: "ready" | "degraded", reason?: string): void {
    if (!this.#isFenced()) this.#incarnation.actor.reportHealth(state, reason);
  }

  maybe(failpoint: string): void {
    this.#incarnation.actor.failpoints?.pass(failpoint);
  }

  #isFenced(): boolean {
    if (!this.#incarnation.hasEnded) return false;
    this.#incarnation.actor.machine.fenced.add(1, { actor: this.name });
    return true;
  }
}

export function createContext(incarnation: Incarnation): Context {
  return new Context(incarnation);
}
