/**
 * What waits for one actor: three lanes, drained in this order before every user message.
 *
 * - *signal*: DOWN and kill. *control*: settles, timers, supervision. Both are bounded by what the actor itself began
 *   (monitors, tasks, timers), never dropped, and past their bound a defect.
 * - *user*: calls and casts, bounded, the only lossy lane.
 *
 * Every offered message is accepted or counted, never both. A mailbox never waits: when the user lane is full it
 * applies its overflow policy and says so.
 */
import { assert } from "#runtime/errors.ts";
import { Lane } from "#runtime/lane.ts";

export type Overflow =
  /** Refuse the newcomer and tell the sender. The default: calls see `runtime.mailbox-full`. */
  | "reject"
  /** Accept the newcomer and discard the oldest. For state that supersedes itself. */
  | "drop-oldest";

export interface MailboxOptions {
  /** Messages in the user lane (seed 003 §2.2: 128 unless the tree says otherwise). */
  readonly capacity: number;
  readonly overflow: Overflow;
}

export type Offer<Message> =
  | { readonly kind: "accepted" }
  | { readonly kind: "rejected" }
  | { readonly kind: "displaced"; readonly oldest: Message };

/** Turns waiting on the upper lanes of one actor. More is a defect of that actor. */
export const CONTROL_LANE_MAX = 65_536;

const ACCEPTED = { kind: "accepted" } as const;
const REJECTED = { kind: "rejected" } as const;

export class Mailbox<Turn, Message> {
  readonly #signal = new Lane<Turn>(CONTROL_LANE_MAX);
  readonly #control = new Lane<Turn>(CONTROL_LANE_MAX);
  readonly #user: Lane<Message>;
  readonly #overflow: Overflow;
  #droppedCount = 0;

  constructor({ capacity, overflow }: MailboxOptions) {
    this.#user = new Lane<Message>(capacity);
    this.#overflow = overflow;
  }

  /** Of the user lane, like `depth`. */
  get capacity(): number {
    return this.#user.capacity;
  }

  get depth(): number {
    return this.#user.depth;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  get urgentDepth(): number {
    return this.#signal.depth + this.#control.depth;
  }

  offer(message: Message): Offer<Message> {
    if (this.#user.push(message)) return ACCEPTED;
    this.#droppedCount += 1;
    if (this.#overflow === "reject") return REJECTED;

    const oldest = this.#user.take();
    assert(oldest !== undefined, "a full lane has an oldest message");
    assert(this.#user.push(message), "there is room where one was taken");
    return { kind: "displaced", oldest };
  }

  signal(turn: Turn): void {
    assert(this.#signal.push(turn), "signals are bounded by monitors");
  }

  control(turn: Turn): void {
    assert(this.#control.push(turn), "control turns are bounded by tasks and timers");
  }

  takeUrgent(): Turn | undefined {
    return this.#signal.take() ?? this.#control.take();
  }

  take(): Message | undefined {
    return this.#user.take();
  }

  /** Forgets the upper lanes: they belonged to an incarnation that has ended. */
  clearUrgent(): void {
    while (this.takeUrgent() !== undefined);
  }
}
