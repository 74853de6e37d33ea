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
      const kind = what.replace(/ (of|after) .*/, "");
      this.#count(`${kind} told ${toldCount === 1 ? "once" : "never"}`);
    }
    for (const { wasEscalated, account } of cells) {
      this.#count(wasEscalated ? "cells escalated" : "cells ended otherwise");
      this.#count("quarantines", account.quarantineCount);
      this.#count("restarts", account.restartCount);
    }
    this.#count("lives", book.lives.length);
    this.#count("links ended", book.linkEnds.length);
  }

  lines(): readonly string[] {
    return [...this.#counts].sort().map(([what, count]) => `${what}: ${count}`);
  }

  #count(what: string, count = 1): void {
    if (count > 0) this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }
}
