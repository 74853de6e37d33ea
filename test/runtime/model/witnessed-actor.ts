/** An actor with a witness beside its owner: when a life of it ends, the book knows before anybody else hears of it. */
import { Actor, type ActorOptions } from "#runtime/actor.ts";
import type { ExitReason } from "#runtime/errors.ts";
import type { Machine } from "#runtime/machine.ts";
import type { Book } from "#test/runtime/model/book.ts";

export class WitnessedActor extends Actor {
  readonly #book: Book;

  constructor(options: ActorOptions, machine: Machine, book: Book) {
    super(options, machine);
    this.#book = book;
  }

  override onExit(run: (reason: ExitReason) => void): void {
    super.onExit((reason) => {
      this.#book.ended(this.name, this.incarnation, reason.kind === "crashed" || reason.kind === "killed");
      run(reason);
    });
  }
}
