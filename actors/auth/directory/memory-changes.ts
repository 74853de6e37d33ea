/** Changes in memory: the last ones, numbered. */
import type { Change, Changes, ChangesForgotten } from "#actors/auth/directory/directory.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

export class MemoryChanges {
  readonly #kept: Change[] = [];
  readonly #changesMax: number;
  #last = 0;

  constructor(changesMax: number) {
    this.#changesMax = changesMax;
  }

  /** The number of the last one; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  add(change: Change): void {
    this.#last += 1;
    this.#kept.push(change);
    if (this.#kept.length > this.#changesMax) this.#kept.shift();
  }

  since(since: number): Result<Changes, ChangesForgotten> {
    const last = this.#last;
    const forgottenCount = last - this.#kept.length;
    const isKept = since >= forgottenCount && since <= last;
    if (!isKept) return fail({ code: "auth.changes-forgotten", oldest: forgottenCount + 1, last });
    return ok({ last, changes: this.#kept.slice(since - forgottenCount) });
  }
}
