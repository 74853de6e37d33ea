/**
 * A child of the supervisor with a witness beside it: when its lane closes, when it may not start, how it ends.
 */
import type { Actor } from "#runtime/actor.ts";
import type { ExitReason, Result } from "#runtime/errors.ts";
import { ActorChild } from "#supervisor/cell/actor-child.ts";
import type { Child, StartFailed } from "#supervisor/child.ts";
import type { Book } from "#test/runtime/model/book.ts";

export class WatchedChild implements Child {
  readonly name: string;
  readonly actor: Actor;
  readonly #child: ActorChild;
  readonly #book: Book;
  /** Whether the user lane takes messages: from a start until a stop. */
  isOpen = false;
  /** Its cell has gone: nothing may begin any more. */
  isGone = false;

  constructor(actor: Actor, book: Book) {
    this.name = actor.name;
    this.actor = actor;
    this.#book = book;
    this.#child = new ActorChild(actor, () => book.wrong(`a life of ${actor.name} did not end clean`));
  }

  start(): Promise<Result<void, StartFailed>> {
    if (this.isGone) this.#book.wrong(`${this.name} is started in a cell that is gone`);
    this.isOpen = true;
    return this.#child.start();
  }

  stop(): Promise<void> {
    this.close();
    return this.#child.stop();
  }

  kill(): void {
    this.#child.kill();
  }

  hasLife(): boolean {
    return this.#child.hasLife();
  }

  refuse(): void {
    this.close();
    this.#child.refuse();
  }

  onExit(run: (reason: ExitReason) => void): void {
    this.#child.onExit(run);
  }

  onHealth(run: (state: "ready" | "degraded", reason: string | undefined) => void): void {
    this.#child.onHealth(run);
  }

  close(): void {
    this.isOpen = false;
    this.#book.closed(this.name);
  }
}
