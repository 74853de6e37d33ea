/**
 * Work that many want at the same time, done once: whoever asks for what is under way shares how it ends.
 *
 * Bounded by those who ask: it remembers a key only while work on it is under way. The work belongs to nobody of them: it is
 * called off when all have given up, and not before.
 */
import type { Within } from "#runtime/ref.ts";

interface Flight<Value> {
  readonly controller: AbortController;
  readonly landed: Promise<Value>;
  waitingCount: number;
}

export class Flights<Key, Value> {
  readonly #flights = new Map<Key, Flight<Value>>();

  /** Whether somebody waits for it already. */
  has(key: Key): boolean {
    return this.#flights.has(key);
  }

  /** Whoever comes from now on begins anew: what is under way began before something changed. */
  leaveAll(): void {
    this.#flights.clear();
  }

  /**
   * Settles as `work` does. That works within a signal of its own and the trace of who came first; a caller that gives up
   * is answered all the same, when the work is over.
   */
  async join(key: Key, within: Within, work: (within: Within) => Promise<Value>): Promise<Value> {
    const flight = this.#flights.get(key) ?? this.#begin(key, within, work);
    flight.waitingCount += 1;
    const leave = (): void => {
      flight.waitingCount -= 1;
      if (flight.waitingCount > 0) return;
      this.#forget(key, flight);
      flight.controller.abort();
    };
    const { signal } = within;
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    return await flight.landed.finally(() => signal.removeEventListener("abort", leave));
  }

  #begin(key: Key, { trace }: Within, work: (within: Within) => Promise<Value>): Flight<Value> {
    const controller = new AbortController();
    const { signal } = controller;
    const landed = work({ deadlineMs: Number.POSITIVE_INFINITY, signal, trace }).finally(() =>
      this.#forget(key, flight),
    );
    const flight: Flight<Value> = { controller, landed, waitingCount: 0 };
    this.#flights.set(key, flight);
    return flight;
  }

  /** Another one may be under way by then. */
  #forget(key: Key, flight: Flight<Value>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
