/**
 * How long the turns of one actor take, and how long messages wait for theirs.
 *
 * Reading the clock costs as much as a turn: the run queue says for whom it may be read, which is for all where there is
 * little to do, and for one in 64 under load. One message at a time is followed on its way through the mailbox.
 */
import type { Machine } from "#runtime/machine.ts";
import type { Message } from "#runtime/message.ts";
import type { Labels } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";

/** Ahead of its deadline a call is worth a reading of the clock, ms: `recentMs` is that late at most, but for long turns. */
const NEAR_MS = 16;
/** Readings that the estimate goes back to, about. */
const WEIGHT = 8;
/** Without a turn for this long, ms, and for `WEIGHT` of them, what they took is forgotten. */
const FORGET_MS = 100;

export class Pace {
  readonly #machine: Pick<Machine, "clock" | "dispatcher" | "turnTime" | "waitTime">;
  readonly #actor: string;
  #labels: Labels | undefined = undefined;
  /** What a turn takes lately, about. */
  #turnMs = 0;
  #turnEndMs = 0;
  #followed: Message | undefined = undefined;
  #offeredMs = 0;

  constructor(actor: string, machine: Pick<Machine, "clock" | "dispatcher" | "turnTime" | "waitTime">) {
    this.#actor = actor;
    this.#machine = machine;
  }

  /** Whether a call that is due then would be too late when it is done, if it began now. */
  isTooLate(dueMs: number): boolean {
    const { clock } = this.#machine;
    if (dueMs - NEAR_MS > clock.recentMs()) return false;
    const nowMs = clock.nowMs();
    // Only a turn can say that they are short again.
    if (nowMs - this.#turnEndMs > FORGET_MS + WEIGHT * this.#turnMs) this.#turnMs = 0;
    return dueMs <= nowMs + this.#turnMs;
  }

  /** When a turn begins that is to be timed. */
  begin(): number | undefined {
    const { dispatcher, clock } = this.#machine;
    return dispatcher.mayTime() ? clock.nowMs() : undefined;
  }

  /** The turn that began then has ended, here or with its promise. Answers with what it took, ms. */
  end(beganMs: number): number {
    const { clock, turnTime } = this.#machine;
    const tookMs = clock.nowMs() - beganMs;
    turnTime.observe(tookMs / second, this.#label());
    return tookMs;
  }

  /** Like `end`, of a message that kept the thread for itself: such are what the next ones are judged by. */
  endOfMessage(beganMs: number): void {
    const tookMs = this.end(beganMs);
    // A pause of the whole process is not what turns take: the estimate grows by a little at a time.
    this.#turnMs += (Math.min(tookMs, 1 + 2 * this.#turnMs) - this.#turnMs) / WEIGHT;
    this.#turnEndMs = beganMs + tookMs;
  }

  /** It stands in line. */
  offered(message: Message): void {
    if (this.#followed !== undefined || !this.#machine.dispatcher.mayTime()) return;
    this.#followed = message;
    this.#offeredMs = this.#machine.clock.nowMs();
  }

  /** It was taken out of the line, for its turn or because it comes too late. */
  taken(message: Message): void {
    if (message !== this.#followed) return;
    this.#followed = undefined;
    const { clock, waitTime } = this.#machine;
    waitTime.observe((clock.nowMs() - this.#offeredMs) / second, this.#label());
  }

  /** It stands in line no more, and had no turn. */
  lost(message: Message): void {
    if (message === this.#followed) this.#followed = undefined;
  }

  #label(): Labels {
    this.#labels ??= { actor: this.#actor };
    return this.#labels;
  }
}
