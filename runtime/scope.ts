/**
 * What an incarnation opened: closed by the runtime in reverse order when the incarnation ends, whatever the reason.
 */
export class Scope {
  readonly #closers: (() => void | Promise<void>)[] = [];
  #closed = false;

  /** Registers a resource with how to close it; answers with an undo for what is closed earlier by its owner. */
  add(close: () => void | Promise<void>): () => void {
    // A resource that arrives after the end has no one left to use it.
    if (this.#closed) {
      void Promise.resolve(close()).catch(() => undefined);
      return () => undefined;
    }
    this.#closers.push(close);
    return () => {
      const index = this.#closers.lastIndexOf(close);
      if (index >= 0) this.#closers.splice(index, 1);
    };
  }

  /** Closes everything, newest first. One that fails does not keep the others open; its error is answered. */
  async close(): Promise<readonly unknown[]> {
    this.#closed = true;
    const errors: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}
