/** How often each kind of outcome was seen: a check that never meets a case proves nothing about it. */
import type { System } from "#test/runtime/model/system.ts";

export class Sights {
  readonly #counts = new Map<string, number>();

  add({ book, cells }: System): void {
    for (const { form, outcomes, handledBy, isRemote } of book.attempts) {
      const [outcome] = outcomes;
      const word = outcome?.kind === "failed" ? `${outcome.code} ${outcome.executed}` : outcome?.kind;
      this.#count(`${isRemote ? "remote" : "local"} ${form} ${word}${handledBy.length === 0 ? "" : ", handled"}`);
    }
    for (const { what, toldCount } of book.promised) {
      this.#count(`${what.replace(/ (of|after) .*| task .*/, "")} told ${toldCount} times`);
    }
    for (const cell of cells) this.#count(cell.wasEscalated ? "cells escalated" : "cells ended otherwise");
    for (const cell of cells) this.#count("quarantines", cell.account.quarantineCount);
    for (const cell of cells) this.#count("restarts", cell.account.restartCount);
    for (const life of book.lives) this.#count(life.hasEnded ? "lives ended" : "lives left");
    this.#count("links ended", book.linkEnds.length);
  }

  lines(): readonly string[] {
    return [...this.#counts].sort().map(([what, count]) => `${what}: ${count}`);
  }

  #count(what: string, count = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }
}
