/**
 * Work of one name at a time, in the order in which it came.
 *
 * Bounded by those who come: it remembers a name only while work of it is under way.
 */
export class Turns<Name extends string> {
  /** Settles when the last one that came is over. */
  readonly #ends = new Map<Name, Promise<void>>();

  /** Runs `work` when no other of the same name is under way. */
  async inTurn<Value>(name: Name, work: () => Promise<Value>): Promise<Value> {
    const before = this.#ends.get(name);
    const { promise: end, resolve } = Promise.withResolvers<void>();
    this.#ends.set(name, end);
    // Nobody is there: the work begins at once.
    if (before !== undefined) await before;
    try {
      return await work();
    } finally {
      if (this.#ends.get(name) === end) this.#ends.delete(name);
      resolve();
    }
  }

  /** Of several names at once. They are taken in their order, so that nobody waits for one who waits for him. */
  async inTurns<Value>(names: readonly Name[], work: () => Promise<Value>): Promise<Value> {
    const next = ([name, ...rest]: readonly Name[]): Promise<Value> =>
      name === undefined ? work() : this.inTurn(name, () => next(rest));
    return await next([...new Set(names)].sort());
  }
}
