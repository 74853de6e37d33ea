/** Resources of an incarnation, and how they are closed. */

/** One `add`: the same function may be added twice. */
interface Opened {
  readonly close: () => void | Promise<void>;
}

/**
 * What an incarnation opened: closed by the runtime in reverse order when the incarnation ends, whatever the reason.
 */
export class Scope {
  readonly #open = new Set<Opened>();
  #closed = false;

  /** Registers a resource with how to close it; answers with an undo for what is closed earlier by its owner. */
  add(close: () => void | Promise<void>): () => void {
    // A resource that arrives after the end has no one left to use it.
    if (this.#closed) {
      void Promise.resolve(close()).catch(() => undefined);
      return () => undefined;
    }
    const opened: Opened = { close };
    this.#open.add(opened);
    return () => void this.#open.delete(opened);
  }

  /** Closes everything, newest first. One that fails does not keep the others open; its error is answered. */
  async close(): Promise<readonly unknown[]> {
    this.#closed = true;
    const errors: unknown[] = [];
    for (const opened of [...this.#open].toReversed()) {
      // One that was closed before it may have undone it.
      if (!this.#open.delete(opened)) continue;
      try {
        await opened.close();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}
