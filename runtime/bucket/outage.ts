/**
 * Whether the server of a bucket answers at all, which no single request can tell.
 *
 * From the first attempt that goes wrong, or is long without an answer, the server is asked for something small, on a
 * connection of its own, until it answers that or anything else. While it has not for `S3_OUTAGE_MS` it is away: requests
 * that wait for it and those that come are ended at once, so that however many of them somebody needs, he waits once.
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
/** How long one probe may take, ms. */
export const S3_PROBE_MS: number = 5 * second;
/** From one probe to the next, ms. */
export const S3_PROBE_PAUSE_MS: number = 1 * second;

export interface OutageOptions {
  readonly clock: Clock;
  /** Why it has no answer; undefined if it has one. It takes `S3_PROBE_MS` at most. */
  readonly probe: () => Promise<string | undefined>;
}

/** What it is known by while it lasts. */
interface Doubt {
  readonly sinceMs: number;
}

export class Outage {
  readonly #options: OutageOptions;
  readonly #watchers = new Set<() => void>();
  #doubt: Doubt | undefined;
  #cause: string | undefined;
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

  /** Settles when it is not away, or after this time. */
  async over(waitMs: number): Promise<void> {
    if (this.#cause !== undefined) await this.pause(waitMs);
  }

  /** Settles after this time, or with a change of `cause`. */
  async pause(pauseMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        timer.cancel();
        forget();
        resolve();
      };
      const timer = this.#options.clock.after(pauseMs, end);
      const forget = this.watch(end);
    });
  }

  /** An attempt has gone wrong, or has no answer yet. */
  doubt(): void {
    if (this.#doubt !== undefined || this.#isClosed) return;
    this.#doubt = { sinceMs: this.#options.clock.nowMs() };
    void this.#settle(this.#doubt);
  }

  answered(): void {
    this.#doubt = undefined;
    this.#become(undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#doubt = undefined;
  }

  async #settle(doubt: Doubt): Promise<void> {
    const { clock, probe } = this.#options;
    while (this.#doubt === doubt) {
      const cause = await probe();
      if (this.#doubt !== doubt) return;
      if (cause === undefined) return this.answered();
      if (clock.nowMs() - doubt.sinceMs >= S3_OUTAGE_MS) this.#become(cause);
      await new Promise<void>((resolve) => void clock.after(S3_PROBE_PAUSE_MS, resolve));
    }
  }

  /** The first cause stands as long as it is away: who is told would be told every second otherwise. */
  #become(cause: string | undefined): void {
    if ((cause === undefined) === (this.#cause === undefined)) return;
    this.#cause = cause;
    for (const watcher of [...this.#watchers]) watcher();
  }
}
