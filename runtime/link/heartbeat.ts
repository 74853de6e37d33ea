/**
 * The heartbeat of one link: tells a peer that is slow from one that is gone, and says how late this side is itself.
 *
 * The side that connects asks every `LINK_HEARTBEAT_MS` and the other answers, each with the delay of its own event loop:
 * - *slow*: the peer speaks, and says that its loop was late by `LINK_SLOW_MS` or more. Degraded;
 * - *silent*: nothing was heard for `LINK_DEGRADED_MS`. Degraded;
 * - *gone*: nothing was heard for `LINK_SILENCE_MS_MAX`. The link ends.
 *
 * A time in which this side's own loop stood still is not the peer's silence: what came meanwhile is not read yet.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { LINK_DEGRADED_MS, LINK_HEARTBEAT_MS, LINK_SILENCE_MS_MAX, LINK_SLOW_MS } from "#runtime/link/limits.ts";

/** What is wrong with the peer; undefined while nothing is. */
export type Malaise = "slow" | "silent" | undefined;

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** Time for another beat. */
  readonly onBeat: () => void;
  /** It changed. */
  readonly onMalaise: (malaise: Malaise) => void;
  /** Nothing was heard for too long. The heartbeat has stopped. */
  readonly onGone: () => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #heardMs: number;
  /** When the next beat should run; what it is late by is this side's delay. */
  #dueMs = Number.POSITIVE_INFINITY;
  /** The worst delay that the other side was not told of yet, ms. */
  #delayMs = 0;
  /** What the peer said last, µs. */
  #peerDelayMicroseconds = 0;
  #malaise: Malaise;
  #timer: Timer | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#heardMs = options.clock.nowMs();
  }

  start(): void {
    this.#heardMs = this.#options.clock.nowMs();
    this.#arm(this.#heardMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Anything came from the peer. */
  heard(): void {
    this.#heardMs = this.#options.clock.nowMs();
  }

  /** The peer said how late its loop was. */
  told(delayMicroseconds: number): void {
    this.#peerDelayMicroseconds = delayMicroseconds;
    this.#judge(this.#options.clock.nowMs());
  }

  /** The worst delay of this side since the last time, µs, as it travels. */
  takeDelayMicroseconds(): number {
    // A beat that is overdue at this moment counts too: timers may run after what was read.
    const delayMs = Math.max(this.#delayMs, this.#options.clock.nowMs() - this.#dueMs);
    this.#delayMs = 0;
    return Math.min(0xffff_ffff, Math.round(delayMs * 1000));
  }

  readonly #beat = (): void => {
    const nowMs = this.#options.clock.nowMs();
    const lateMs = nowMs - this.#dueMs;
    this.#delayMs = Math.max(this.#delayMs, lateMs);
    this.#heardMs = Math.min(nowMs, this.#heardMs + lateMs);
    if (nowMs - this.#heardMs >= LINK_SILENCE_MS_MAX) {
      this.#options.onGone();
      return;
    }
    this.#judge(nowMs);
    this.#options.onBeat();
    this.#arm(nowMs);
  };

  #judge(nowMs: number): void {
    const isSlow = this.#peerDelayMicroseconds >= LINK_SLOW_MS * 1000;
    const isSilent = nowMs - this.#heardMs >= LINK_DEGRADED_MS;
    const malaise = isSilent ? "silent" : isSlow ? "slow" : undefined;
    if (malaise === this.#malaise) return;
    this.#malaise = malaise;
    this.#options.onMalaise(malaise);
  }

  #arm(nowMs: number): void {
    this.#dueMs = nowMs + LINK_HEARTBEAT_MS;
    this.#timer = this.#options.clock.after(LINK_HEARTBEAT_MS, this.#beat);
  }
}
