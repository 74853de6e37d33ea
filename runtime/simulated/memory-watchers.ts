/** Who watches which file of the simulated disk. Watchers are called in a later turn, once for every change. */
export class MemoryWatchers {
  readonly #byPath = new Map<string, Set<() => void>>();

  /** Answers with an undo. */
  add(path: string, onChange: () => void): () => void {
    // A function of its own: the same `onChange` may watch twice and be undone once.
    const notify = (): void => onChange();
    const watchers = this.#byPath.get(path) ?? new Set();
    this.#byPath.set(path, watchers.add(notify));
    return () => {
      watchers.delete(notify);
      if (watchers.size === 0 && this.#byPath.get(path) === watchers) this.#byPath.delete(path);
    };
  }

  changed(path: string): void {
    const watchers = this.#byPath.get(path);
    for (const notify of watchers ?? []) {
      void Promise.resolve().then(() => {
        if (watchers?.has(notify)) notify();
      });
    }
  }

  clear(): void {
    for (const watchers of this.#byPath.values()) watchers.clear();
    this.#byPath.clear();
  }
}
