/**
 * Cuts a client that does not read: one that takes nothing for `writeIdleMs`, and one that is behind and takes less
 * than `paceBytesPerSecondMin` on average over `paceWindowMs`.
 *
 * A settled write is poor evidence: a kernel that buffered megabytes wakes its writer only when a third of them are
 * gone, which takes an honest client of 20 KiB/s most of a minute. So, where the system can tell, `queuedBytes` asks
 * how much of what it took still waits for the client; where it cannot, settled writes have to do.
 */
import type { Clock } from "#runtime/clock.ts";
import { IdleWatch } from "#runtime/edge/idle-watch.ts";
import type { Failure } from "#runtime/errors.ts";

/** The client took nothing for `writeIdleMs`. */
export interface WriteIdle extends Failure<"edge.write-idle"> {
  readonly writeIdleMs: number;
}

/** The client takes bytes too slowly to be worth its buffers. */
export interface ReaderTooSlow extends Failure<"edge.reader-too-slow"> {
  readonly bytesPerSecond: number;
  readonly bytesPerSecondMin: number;
}

export interface PaceLimits {
  readonly writeIdleMs: number;
  readonly paceBytesPerSecondMin: number;
  readonly paceWindowMs: number;
}

export interface PaceOptions {
  readonly clock: Clock;
  readonly limits: () => PaceLimits;
  /** Bytes the system took and the client has not acknowledged; undefined where it cannot be known. */
  readonly queuedBytes: () => Promise<number | undefined>;
  readonly onCut: (why: WriteIdle | ReaderTooSlow) => void;
}

interface Behind {
  readonly sinceMs: number;
  readonly deliveredBytes: number;
}

/** Looks during one `writeIdleMs`: the cut comes at most a fifth part late. */
const looksPerIdle = 5;

export class Pace {
  readonly #options: PaceOptions;
  readonly #watch: IdleWatch;
  #pendingCount = 0;
  #settledBytes = 0;
  #deliveredBytes = Number.NEGATIVE_INFINITY;
  #progressMs = 0;
  /** The window of a client that was seen waiting; kept while it stays behind, over any number of writes. */
  #behind: Behind | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
    const lookMs = (): number => options.limits().writeIdleMs / looksPerIdle;
    this.#watch = new IdleWatch(options.clock, lookMs, () => void this.#look());
  }

  /** A write was handed to the socket. */
  begin(): void {
    this.#pendingCount += 1;
    if (this.#pendingCount > 1) return;
    this.#progressMs = this.#options.clock.nowMs();
    this.#watch.start();
  }

  /** The socket is done with it. */
  settle(bytes: number): void {
    this.#pendingCount -= 1;
    this.#settledBytes += bytes;
    this.#progressMs = this.#options.clock.nowMs();
    if (this.#pendingCount > 0) this.#watch.start();
    else this.#watch.stop();
  }

  close(): void {
    this.#pendingCount = 0;
    this.#watch.close();
  }

  async #look(): Promise<void> {
    const queued = await this.#options.queuedBytes();
    if (this.#pendingCount === 0) return;
    const { clock, limits, onCut } = this.#options;
    const { writeIdleMs, paceBytesPerSecondMin, paceWindowMs } = limits();
    const nowMs = clock.nowMs();
    const deliveredBytes = this.#settledBytes - (queued ?? 0);
    // The first look knows no earlier figure: it takes the time of the last settled write as it is.
    if (queued !== undefined && deliveredBytes > this.#deliveredBytes && Number.isFinite(this.#deliveredBytes)) {
      this.#progressMs = nowMs;
    }
    this.#deliveredBytes = deliveredBytes;
    if (nowMs - this.#progressMs >= writeIdleMs) return onCut({ code: "edge.write-idle", writeIdleMs });

    this.#behind ??= { sinceMs: nowMs, deliveredBytes };
    const spanMs = nowMs - this.#behind.sinceMs;
    if (spanMs >= paceWindowMs) {
      const bytesPerSecond = Math.floor(((deliveredBytes - this.#behind.deliveredBytes) * 1000) / spanMs);
      if (bytesPerSecond < paceBytesPerSecondMin) {
        return onCut({ code: "edge.reader-too-slow", bytesPerSecond, bytesPerSecondMin: paceBytesPerSecondMin });
      }
      this.#behind = undefined;
    }
    this.#watch.start();
  }
}
