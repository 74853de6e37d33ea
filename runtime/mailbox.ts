/**
 * What waits for one actor: three lanes, drained in this order before every user message.
 *
 * - *signal*: DOWN and kill. *control*: settles, timers, supervision. Both are bounded by what the actor itself began
 *   (monitors, tasks, timers), never dropped, and past their bound a defect.
 * - *user*: calls and casts, bounded, the only lossy lane. Behind it stand callers that wait for room, first come, first
 *   served.
 *
 * Every offered message is accepted or counted, never both. A mailbox never waits: when the user lane is full it
 * applies its overflow policy and says so. A call that is over while it stands in line is not handed out, and its place
 * goes to whoever comes next.
 */
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

/** What the mailbox knows of a message: whether it has a call, and whether that one still wants an answer. */
export interface Mail {
  readonly call: { readonly answered: boolean; isQueued: boolean } | undefined;
}

export type Offer<Message> =
  | { readonly kind: "accepted" }
  | { readonly kind: "rejected" }
  | { readonly kind: "displaced"; readonly oldest: Message };

/** Turns waiting on the upper lanes of one actor. More is a defect of that actor. */
export const CONTROL_LANE_MAX = 65_536;
/** Callers that may wait for room (`whenFull: "wait"`). They hold edge permits, so permits are the real bound. */
export const WAITING_CALLERS_MAX = 4096;

const ACCEPTED = { kind: "accepted" } as const;
const REJECTED = { kind: "rejected" } as const;

export class Mailbox<Turn, Message extends Mail> {
  #signal: Lane<Turn> | undefined = undefined;
  #control: Lane<Turn> | undefined = undefined;
  readonly #user: Lane<Message>;
  readonly #overflow: Overflow;
  #waiting: Lane<Message> | undefined = undefined;
  #droppedCount = 0;
  /** Of those in line, how many are over. */
  #leftCount = 0;

  constructor({ capacity, overflow }: MailboxOptions) {
    this.#user = new Lane<Message>(capacity);
    this.#overflow = overflow;
  }

  /** Of the user lane, like `depth`. */
  get capacity(): number {
    return this.#user.capacity;
  }

  /** Calls that are over while they stand in line count until somebody needs their place. */
  get depth(): number {
    return this.#user.depth;
  }

  get waitingDepth(): number {
    return this.#waiting?.depth ?? 0;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  get urgentDepth(): number {
    return (this.#signal?.depth ?? 0) + (this.#control?.depth ?? 0);
  }

  /** True, and counted, where an `offer` would be rejected: for who would rather not make the message then. */
  refuses(): boolean {
    if (this.#overflow !== "reject" || this.#user.depth < this.#user.capacity) return false;
    if (this.#leftCount > 0) this.#sweep();
    if (this.#user.depth < this.#user.capacity) return false;
    this.#droppedCount += 1;
    return true;
  }

  offer(message: Message): Offer<Message> {
    if (this.#push(message)) return ACCEPTED;
    this.#droppedCount += 1;
    if (this.#overflow === "reject") return REJECTED;

    const oldest = this.#user.displace(message);
    this.#unqueue(oldest);
    if (message.call !== undefined) message.call.isQueued = true;
    return { kind: "displaced", oldest };
  }

  /** Takes the message at once, or keeps it in line until there is room; rejects it when the line is full, too. */
  offerOrWait(message: Message): Offer<Message> {
    // Where the newest always finds a place nobody has to wait for one.
    if (this.#overflow === "drop-oldest") return this.offer(message);
    if (this.waitingDepth === 0 && this.#push(message)) return ACCEPTED;
    this.#waiting ??= new Lane(WAITING_CALLERS_MAX);
    if (this.#waiting.depth === WAITING_CALLERS_MAX) this.#sweep();
    if (!this.#waiting.push(message)) {
      this.#droppedCount += 1;
      return REJECTED;
    }
    if (message.call !== undefined) message.call.isQueued = true;
    this.#admitWaiting();
    return ACCEPTED;
  }

  /** Gives the message back that was taken last, to be the next one. There is always a place for it. */
  putBack(message: Message): void {
    this.#user.putBack(message);
    if (message.call !== undefined) message.call.isQueued = true;
  }

  /** A call in line is over. */
  onCallLeft(): void {
    this.#leftCount += 1;
  }

  /** False, and nothing is kept, when the lane is full: so it is for `control`. */
  signal(turn: Turn): boolean {
    this.#signal ??= new Lane(CONTROL_LANE_MAX);
    return this.#signal.push(turn);
  }

  control(turn: Turn): boolean {
    this.#control ??= new Lane(CONTROL_LANE_MAX);
    return this.#control.push(turn);
  }

  takeUrgent(): Turn | undefined {
    return this.#signal?.take() ?? this.#control?.take();
  }

  /** The oldest message that is still wanted. */
  take(): Message | undefined {
    for (let message = this.#user.take(); message !== undefined; message = this.#user.take()) {
      if (this.#waiting !== undefined) this.#admitWaiting();
      if (this.#unqueue(message)) return message;
    }
    return undefined;
  }

  /** Forgets the upper lanes: they belonged to an incarnation that has ended. */
  clearUrgent(): void {
    while (this.takeUrgent() !== undefined);
  }

  #push(message: Message): boolean {
    if (!this.#user.push(message)) {
      if (this.#leftCount === 0) return false;
      this.#sweep();
      if (!this.#user.push(message)) return false;
    }
    if (message.call !== undefined) message.call.isQueued = true;
    return true;
  }

  /** False when its call is over. */
  #unqueue({ call }: Message): boolean {
    if (call === undefined) return true;
    call.isQueued = false;
    if (!call.answered) return true;
    this.#leftCount -= 1;
    return false;
  }

  #admitWaiting(): void {
    const { capacity } = this.#user;
    while (this.#user.depth < capacity) {
      const next = this.#waiting?.take();
      if (next === undefined) return;
      this.#user.push(next);
    }
  }

  /** Removes whoever is over, so that others have their places. */
  #sweep(): void {
    const isWanted = (message: Message): boolean => message.call?.answered !== true;
    this.#user.sweep(isWanted);
    this.#waiting?.sweep(isWanted);
    this.#leftCount = 0;
    this.#admitWaiting();
  }
}
