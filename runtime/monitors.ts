/**
 * Who wants to know when the incarnation that lives now has ended: each is told exactly once, or has undone it before.
 */
import type { Down } from "#runtime/ref.ts";

/** One `monitor` call: the same callback may monitor twice. */
interface Watch {
  readonly onDown: (down: Down) => void;
}

export class Monitors {
  #watches: Set<Watch> | undefined = undefined;

  get count(): number {
    return this.#watches?.size ?? 0;
  }

  /** Returns an undo. */
  add(onDown: (down: Down) => void): () => void {
    const watch: Watch = { onDown };
    this.#watches ??= new Set();
    const watches = this.#watches.add(watch);
    return () => watches.delete(watch);
  }

  /** Tells all of them, and forgets them first. What one of them throws goes to `onDefect`; the others still hear. */
  tell(down: Down, onDefect: (defect: unknown) => void): void {
    const watches = this.#watches;
    if (watches === undefined) return;
    this.#watches = undefined;
    for (const watch of watches) {
      // Undone by one that was told before it: then it is not in the set any more.
      watches.delete(watch);
      try {
        watch.onDown(down);
      } catch (defect) {
        onDefect(defect);
      }
    }
  }
}
