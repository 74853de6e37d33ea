/**
 * Judges whether an upload comes fast enough: at least `uploadBytesPerSecondMin` on average over `paceWindowMs`.
 *
 * The window is made of waits alone: the time in which somebody wanted bytes and the client had sent none. What a
 * reservation, a disk or the node takes is not in it. It is judged when bytes arrive, so a cut comes at most one wait
 * late, and a wait is bounded by `readIdleMs`.
 */
import type { Failure } from "#runtime/errors.ts";

/** The client sends its body too slowly to be worth a place among the uploads. Nothing was kept; send it faster. */
export interface UploadTooSlow extends Failure<"gateway.upload-too-slow"> {
  readonly bytesPerSecond: number;
  readonly bytesPerSecondMin: number;
}

export interface UploadPaceLimits {
  /** 0 judges nobody. */
  readonly uploadBytesPerSecondMin: number;
  readonly paceWindowMs: number;
}

export class UploadPace {
  readonly #limits: () => UploadPaceLimits;
  #waitedMs = 0;
  #arrivedBytes = 0;

  constructor(limits: () => UploadPaceLimits) {
    this.#limits = limits;
  }

  /** `bytes` came after a wait of `waitedMs`; the failure where the window that they complete was too slow. */
  arrived(bytes: number, waitedMs: number): UploadTooSlow | undefined {
    this.#arrivedBytes += bytes;
    this.#waitedMs += waitedMs;
    const { uploadBytesPerSecondMin, paceWindowMs } = this.#limits();
    if (this.#waitedMs < paceWindowMs) return undefined;
    const bytesPerSecond = Math.floor((this.#arrivedBytes * 1000) / this.#waitedMs);
    this.#arrivedBytes = 0;
    this.#waitedMs = 0;
    if (bytesPerSecond >= uploadBytesPerSecondMin) return undefined;
    return { code: "gateway.upload-too-slow", bytesPerSecond, bytesPerSecondMin: uploadBytesPerSecondMin };
  }
}
