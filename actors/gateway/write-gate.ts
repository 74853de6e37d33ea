/** Whether writes are taken at the moment, and why not: what `/readyz` tells, beside the states of the actors. */
import type { Clock } from "#runtime/clock.ts";
import type { Failure } from "#runtime/errors.ts";

/** A write that failed for want of space closes the gate in `/readyz` for so long, or until a write succeeds, ms. */
export const FULL_MEMORY_MS = 10_000;

/** What a write may find no room in, and what is said of it. */
const FULL: Readonly<Record<string, string>> = {
  "storage.full": "storage: the disk is full",
  "storage.limit-reached": "storage: it holds as much as it may",
};

export class WriteGate {
  readonly #clock: Clock;
  #full: { readonly reason: string; readonly sinceMs: number } | undefined;
  #isDraining = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  drain(): void {
    this.#isDraining = true;
  }

  stored(): void {
    this.#full = undefined;
  }

  /** A write failed: for want of room, or not. */
  failed({ code }: Failure): void {
    const reason = FULL[code];
    if (reason !== undefined) this.#full = { reason, sinceMs: this.#clock.nowMs() };
  }

  /** Empty when writes are taken. */
  reasons(): readonly string[] {
    const full = this.#full;
    const isFull = full !== undefined && this.#clock.nowMs() - full.sinceMs < FULL_MEMORY_MS;
    return [...(this.#isDraining ? ["gateway: draining"] : []), ...(isFull ? [full.reason] : [])];
  }
}
