/**
 * Work of one name at a time: whoever arrives with the same name meanwhile waits for its turn.
 *
 * Bounded by those who come: it remembers a name only while work of it is under way.
 */
export class Turns<Name> {
  readonly #ends = new Map<Name, Promise<void>>();

  /** Runs `work` when no other of the same name is under way. */
  async inTurn<Value>(name: Name, work: () => Promise<Value>): Promise<Value> {
    for (let end = this.#ends.get(name); end !== undefined; end = this.#ends.get(name)) await end;
    const working = work();
    // Those who wait look for themselves how it ended.
    const end = working.then(ignore, ignore).then(() => {
      this.#ends.delete(name);
    });
    this.#ends.set(name, end);
    return await working;
  }
}

function ignore(): void {}
