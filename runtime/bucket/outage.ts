/**
 * Whether the server of a bucket answers at all, which no single request can tell.
 *
 * From the first attempt that goes wrong, or is long without an answer, the server is asked for something small, on a
 * connection of its own, until it answers that or anything else. While it has not for `S3_OUTAGE_MS` it is away: requests
 * that wait for it and those that come are ended at once, so that however many of them somebody needs, he waits once.
 *
 * Invariants:
 * - one probe that failed is no outage: on a full line it is lost more easily than what makes progress there;
 * - one probe is under way at a time, and a pause follows each, however often answers end the doubt and failures begin it
 *   anew: a server that throttles is not asked more for that.
 *
 * It is no `Breaker`: that ends no call that waits, and hears that a system is back from its next caller, while health has to
 * be told without one.
 */
import type { Clock } from "#runtime/clock.ts";
import { second } from "#runtime/units.ts";

/** An attempt without an answer for so long is a reason for doubt, ms. */
export const S3_DOUBT_MS: number = 2 * second;
/** A server in doubt that has answered nothing for so long is away, ms. */
export const S3_OUTAGE_MS: number = 5 * second;
/** How long one probe may take, ms: two of them fit into an outage. */
export const S3_PROBE_MS: number = 2 * second;
/** The same of a server that is away, ms: nobody waits for it, and one that has become slow has to be seen to be back. */
export const S3_PROBE_AWAY_MS: number = 5 * second;
/** Fewer probes that failed are no outage. */
export const S3_OUTAGE_PROBES_MIN = 2;
/** From one probe to the next, ms. */
export const S3_PROBE_PAUSE_MS: number = 1 * second;

export interface OutageOptions {
  readonly clock: Clock;
  /** Why it has no answer; undefined if it has one. */
  readonly probe: (timeoutMs: number) => Promise<string | undefined>;
}

interface Doubt {
  readonly sinceMs: number;
  /** Probes that failed, and were begun in it. */
  failedCount: number;
}

export class Outage {
  readonly #options: OutageOptions;
  readonly #watchers = new Set<() => void>();
  #doubt: Doubt | undefined;
  #cause: string | undefined;
  #isProbing = false;
  #isClosed = false;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** Why the server is away; undefined if it is not. */
  get cause(): string | undefined {
    return this.#cause;
  }

  /** `watcher` is called with each change of `cause`, until the function that is answered with is. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Settles when it is not away, after this time, or with the signal. */
  async over(waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#cause !== undefined && !signal.aborted) await this.pause(waitMs, signal);
  }

  /** Settles after this time, with a change of `cause`, or with the signal. */
  async pause(pauseMs: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        timer.cancel();
        forget();
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = this.#options.clock.after(pauseMs, end);
      const forget = this.watch(end);
      signal?.addEventListener("abort", end);
    });
  }

  /** An attempt has gone wrong, or has no answer yet. */
  doubt(): void {
    if (this.#doubt !== undefined || this.#isClosed) return;
    this.#doubt = { sinceMs: this.#options.clock.nowMs(), failedCount: 0 };
    if (!this.#isProbing) void this.#probe();
  }

  answered(): void {
    this.#doubt = undefined;
    this.#become(undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#doubt = undefined;
  }

  /** As long as there is doubt. One that begins while a probe or a pause is under way goes on with what follows. */
  async #probe(): Promise<void> {
    const { clock, probe } = this.#options;
    this.#isProbing = true;
    while (this.#doubt !== undefined) {
      const doubt = this.#doubt;
      const cause = await probe(this.#cause === undefined ? S3_PROBE_MS : S3_PROBE_AWAY_MS);
      if (cause === undefined) this.answered();
      else if (this.#doubt === doubt) this.#failed(doubt, cause);
      await new Promise<void>((resolve) => void clock.after(S3_PROBE_PAUSE_MS, resolve));
    }
    this.#isProbing = false;
  }

  #failed(doubt: Doubt, cause: string): void {
    doubt.failedCount += 1;
    const isLong = this.#options.clock.nowMs() - doubt.sinceMs >= S3_OUTAGE_MS;
    if (isLong && doubt.failedCount >= S3_OUTAGE_PROBES_MIN) this.#become(cause);
  }

  /** The first cause stands as long as it is away: who is told would be told every second otherwise. */
  #become(cause: string | undefined): void {
    if ((cause === undefined) === (this.#cause === undefined)) return;
    this.#cause = cause;
    for (const watcher of [...this.#watchers]) watcher();
  }
}
