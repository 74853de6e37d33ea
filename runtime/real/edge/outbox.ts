/**
 * Answers that are ready in one pass of the event loop, written one after the other at its end.
 *
 * A client that sleeps is woken by the first of them and finds the others: on two cores, with 64 small answers under way, a
 * wake for each costs the sender more than making the answer (17–23 thousand a second, and 23–28 in one go).
 */
export class Outbox {
  #writes: (() => void)[] = [];

  /** `write` never throws. */
  add(write: () => void): void {
    if (this.#writes.push(write) === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const writes = this.#writes;
    this.#writes = [];
    for (const write of writes) write();
  };
}
