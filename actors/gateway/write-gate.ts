/** Whether writes are taken at the moment, and why not: what `/readyz` tells, beside the states of the actors. */
import type { Clock } from "#runtime/clock.ts";
import type { Failure } from "#runtime/errors.ts";

/** A write that failed for want of space closes the gate in `/readyz` for so long, or until a write succeeds, ms. */
export const FULL_MEMORY_MS = 10_000;

export class WriteGate {
  readonly #clock: Clock;
  #fullMs = Number.NEGATIVE_INFINITY;
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

  /** A write ended, well or for want of space. */
  note(outcome: "stored" | "full"): void {
    this.#fullMs = outcome === "full" ? this.#clock.nowMs() : Number.NEGATIVE_INFINITY;
  }

  /** A write failed: for want of room, or not. */
  failed({ code }: Failure): void {
    if (code === "storage.full" || code === "storage.limit-reached") this.note("full");
  }

  /** Empty when writes are taken. */
  reasons(): readonly string[] {
    const isFull = this.#clock.nowMs() - this.#fullMs < FULL_MEMORY_MS;
    return [...(this.#isDraining ? ["gateway: draining"] : []), ...(isFull ? ["storage: the disk is full"] : [])];
  }
}
