/**
 * Whom a supervisor keeps: children by name, and the rungs in which they start.
 *
 * The children of the spec are there for ever, each in its rung. Dynamic ones come and go, all in one rung after those.
 */
import { assert } from "#runtime/errors.ts";
import type { Child, ChildSpec, Supervised } from "#supervisor/child.ts";
import { Entry } from "#supervisor/entry.ts";
import { Rung } from "#supervisor/rung.ts";

/** Dynamic children of one supervisor. */
export const DYNAMIC_CHILDREN_MAX: number = 128 * 1024;

export class Roster {
  /** In start order. */
  readonly rungs: readonly Rung[];
  /** In stop order. */
  readonly rungsDown: readonly Rung[];
  /** The children of the spec, in start order. */
  readonly order: readonly Entry[];
  readonly #byName = new Map<string, Entry>();
  readonly #dynamic = new Rung();
  #dynamicCount = 0;

  constructor(rungs: readonly (readonly Supervised[])[]) {
    const fixed = rungs.map((children) => {
      const rung = new Rung();
      for (const { spec, child } of children) this.#take(new Entry(spec, child, rung, false));
      return rung;
    });
    this.order = [...this.#byName.values()];
    this.rungs = [...fixed, this.#dynamic];
    this.rungsDown = this.rungs.toReversed();
  }

  /** In start order. */
  get entries(): IterableIterator<Entry> {
    return this.#byName.values();
  }

  get isFull(): boolean {
    return this.#dynamicCount >= DYNAMIC_CHILDREN_MAX;
  }

  find(name: string): Entry | undefined {
    return this.#byName.get(name);
  }

  add(spec: ChildSpec, child: Child): Entry {
    const entry = new Entry(spec, child, this.#dynamic, true);
    this.#take(entry);
    this.#dynamicCount += 1;
    return entry;
  }

  /** Of a dynamic child nothing is left. */
  forget(entry: Entry): void {
    this.#byName.delete(entry.spec.name);
    this.#dynamicCount -= 1;
    entry.leave();
  }

  #take(entry: Entry): void {
    assert(!this.#byName.has(entry.spec.name), "the children of a supervisor have different names");
    this.#byName.set(entry.spec.name, entry);
  }
}
