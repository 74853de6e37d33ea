/**
 * Weighted admission at the edge: a bounded number of requests and bytes under way, and a bounded line before them.
 *
 * Invariants:
 * - nobody is let in past `requestsMax` and `bytesMax`; what is held exceeds them only where they were lowered since;
 * - first come, first served: nobody passes a waiting one, also not with a smaller weight;
 * - whenever the first in line fits, it is let in; nobody waits while there is room for it and it is first;
 * - nobody waits for what there is no more: who has become too heavy for all of it is refused.
 *
 * Refusing happens here, once, before work starts (architecture §3). Inside, nothing is refused for load.
 */
import type { Clock } from "#runtime/clock.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export interface PermitWeight {
  readonly requests: number;
  readonly bytes: number;
}

/**
 * Not admitted; nothing has run. `busy`: no room now and no wait wanted. `line-full`: too many wait already. `waited`:
 * the wait or the deadline ended first. `gave-up`: the caller cancelled. All but `too-heavy` may be retried after a
 * pause; `too-heavy` is final: the weight is over the whole capacity.
 */
export interface Overloaded extends Failure<"runtime.overloaded"> {
  readonly reason: "busy" | "line-full" | "waited" | "gave-up" | "too-heavy";
  readonly waitingCount: number;
  readonly executed: "no";
}

export interface PermitBounds {
  /** Requests under way at once. */
  readonly requestsMax: number;
  /** Sum of their weights in bytes. */
  readonly bytesMax: number;
}

export interface PermitsOptions extends PermitBounds {
  readonly clock: Clock;
  /** Length of the line; one more is refused. 0 means that nobody waits. */
  readonly waitingMax: number;
}

/** Leave to work. Whoever holds it releases it exactly when the work is over; releasing twice is harmless. */
export interface Permit {
  readonly weight: PermitWeight;
  /** Gives back part of the bytes early. */
  shrink(bytes: number): void;
  release(): void;
}

interface Waiting {
  readonly weight: PermitWeight;
  readonly enter: () => void;
  readonly refuse: (reason: Overloaded["reason"]) => void;
}

export class Permits {
  readonly #options: PermitsOptions;
  #bounds: PermitBounds;
  /** In order of arrival: a set keeps it, and removes from the middle at once. */
  readonly #line = new Set<Waiting>();
  #requests = 0;
  #bytes = 0;

  constructor(options: PermitsOptions) {
    assertBounds(options);
    assert(options.waitingMax >= 0, "a line has a length");
    this.#options = options;
    this.#bounds = options;
  }

  /** What is held now. */
  get held(): PermitWeight {
    return { requests: this.#requests, bytes: this.#bytes };
  }

  get waitingCount(): number {
    return this.#line.size;
  }

  /**
   * From now on. What is held stays, also where it is more than that; who fits now is let in, and who never will is refused
   * as `too-heavy`.
   */
  resize(bounds: PermitBounds): void {
    assertBounds(bounds);
    this.#bounds = bounds;
    for (const waiting of this.#line) if (this.#isTooHeavy(waiting.weight)) waiting.refuse("too-heavy");
    this.#letIn();
  }

  /** At once or not at all. It does not pass those who wait. */
  tryTake(weight: PermitWeight): Result<Permit, Overloaded> {
    assertWeight(weight);
    if (this.#isTooHeavy(weight)) return this.#refuse("too-heavy");
    return this.#line.size === 0 && this.#fits(weight) ? ok(this.#admit(weight)) : this.#refuse("busy");
  }

  /**
   * Waits in line for at most `waitMs`, and no longer than `within` allows. Who gives up leaves the line at once.
   * The time spent here is not the client's idle time.
   */
  async take(weight: PermitWeight, within: Within, waitMs: number): Promise<Result<Permit, Overloaded>> {
    const taken = this.tryTake(weight);
    if (taken.ok || taken.failure.reason !== "busy") return taken;
    if (within.signal.aborted) return this.#refuse("gave-up");
    if (this.#line.size >= this.#options.waitingMax) return this.#refuse("line-full");
    const patienceMs = Math.min(waitMs, within.deadlineMs - this.#options.clock.nowMs());
    if (patienceMs <= 0) return this.#refuse("waited");
    return await this.#wait(weight, within.signal, patienceMs);
  }

  #wait(weight: PermitWeight, signal: AbortSignal, patienceMs: number): Promise<Result<Permit, Overloaded>> {
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#line.delete(waiting);
        timer?.cancel();
        signal.removeEventListener("abort", giveUp);
      };
      const refuse = (reason: Overloaded["reason"]): void => {
        leave();
        resolve(this.#refuse(reason));
        // The one that left may have been the one that did not fit.
        this.#letIn();
      };
      const giveUp = (): void => refuse("gave-up");
      const enter = (): void => {
        leave();
        resolve(ok(this.#admit(weight)));
      };
      const waiting: Waiting = { weight, enter, refuse };
      const timer = Number.isFinite(patienceMs)
        ? this.#options.clock.after(Math.min(patienceMs, timerMsMax), () => refuse("waited"))
        : undefined;
      signal.addEventListener("abort", giveUp, { once: true });
      this.#line.add(waiting);
    });
  }

  #letIn(): void {
    for (const waiting of this.#line) {
      if (!this.#fits(waiting.weight)) return;
      waiting.enter();
    }
  }

  #admit(weight: PermitWeight): Permit {
    const { requests, bytes } = weight;
    this.#requests += requests;
    this.#bytes += bytes;
    let heldBytes = bytes;
    let held = true;
    return {
      weight,
      shrink: (fewer) => {
        assert(held && fewer >= 0 && fewer <= heldBytes, "a permit gives back no more than it holds");
        heldBytes -= fewer;
        this.#giveBack(0, fewer);
      },
      release: () => {
        if (!held) return;
        held = false;
        this.#giveBack(requests, heldBytes);
      },
    };
  }

  #giveBack(requests: number, bytes: number): void {
    this.#requests -= requests;
    this.#bytes -= bytes;
    assert(this.#requests >= 0 && this.#bytes >= 0, "no more is given back than was taken");
    this.#letIn();
  }

  #fits({ requests, bytes }: PermitWeight): boolean {
    return this.#requests + requests <= this.#bounds.requestsMax && this.#bytes + bytes <= this.#bounds.bytesMax;
  }

  #isTooHeavy({ requests, bytes }: PermitWeight): boolean {
    return requests > this.#bounds.requestsMax || bytes > this.#bounds.bytesMax;
  }

  #refuse(reason: Overloaded["reason"]): Result<never, Overloaded> {
    return fail({ code: "runtime.overloaded", reason, waitingCount: this.#line.size, executed: "no" });
  }
}

/** What a timer takes. Longer patience ends early, after 24 days. */
const timerMsMax = 2 ** 31 - 1;

function assertBounds({ requestsMax, bytesMax }: PermitBounds): void {
  assert(requestsMax >= 1 && bytesMax >= 0, "permits admit at least one request");
}

function assertWeight({ requests, bytes }: PermitWeight): void {
  assert(Number.isSafeInteger(requests) && requests >= 0, "a permit weighs a whole number of requests");
  assert(Number.isSafeInteger(bytes) && bytes >= 0, "a permit weighs a whole number of bytes");
}
