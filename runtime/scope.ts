/** Resources of an incarnation, and how they are closed. */
import { Roster } from "#runtime/roster.ts";

/**
 * What an incarnation opened: closed by the runtime in reverse order when the incarnation ends, whatever the reason.
 */
export class Scope {
  readonly #open = new Roster<() => void | Promise<void>>();
  #closed = false;

  /** Registers a resource with how to close it; answers with an undo for what is closed earlier by its owner. */
  add(close: () => void | Promise<void>): () => void {
    // A resource that arrives after the end has no one left to use it.
    if (this.#closed) {
      void Promise.resolve(close()).catch(() => undefined);
      return () => undefined;
    }
    const place = this.#open.enter(close);
    return () => void this.#open.leave(place);
  }

  /** Closes everything, newest first. One that fails does not keep the others open; its error is answered. */
  async close(): Promise<readonly unknown[]> {
    this.#closed = true;
    const errors: unknown[] = [];
    // One that is closed may undo others.
    for (let close = this.#open.pop(); close !== undefined; close = this.#open.pop()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}
