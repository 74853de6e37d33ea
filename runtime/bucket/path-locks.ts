/** One at a time for each path; several paths are taken in order, so that nobody waits for one who waits for him. */

export class PathLocks {
  readonly #held = new Map<string, Promise<void>>();

  async run<Value>(keys: readonly string[], step: () => Promise<Value>): Promise<Value> {
    const releases: (() => void)[] = [];
    for (const key of [...new Set(keys)].sort()) releases.push(await this.#take(key));
    try {
      return await step();
    } finally {
      for (const release of releases) release();
    }
  }

  async #take(key: string): Promise<() => void> {
    const before = this.#held.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(key, promise);
    await before;
    return () => {
      if (this.#held.get(key) === promise) this.#held.delete(key);
      resolve();
    };
  }
}
