/** What a history is made of beside its store: what is drawn, what is told of it, and how its machine ends. A function of the seed. */
import assert from "node:assert/strict";
import type { Random } from "#runtime/random.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import type { MemoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

export class Story {
  readonly seed: number;
  readonly random: Random;
  readonly #lines: string[] = [];
  #lives = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.random = seededRandom(seed);
  }

  /** All that was said, a line each. */
  get told(): string {
    return this.#lines.join("\n");
  }

  say(what: string): void {
    this.#lines.push(`  ${what}`);
  }

  /** True once in `of` times. */
  chance(of: number): boolean {
    return this.random.below(of) === 0;
  }

  one<Item>(items: readonly Item[]): Item {
    const item = items[this.random.below(items.length)];
    assert(item !== undefined);
    return item;
  }

  /** Of the next life's own. */
  nextSeed(): number {
    this.#lives += 1;
    return this.seed * 1000 + this.#lives;
  }

  /** Of the process alone, or of the whole machine. */
  crash(disk: MemoryDisk, kv: MemoryKvStores, wasKilled: boolean): void {
    disk.crash(this.random, { keepUnsynced: wasKilled });
    kv.crash(wasKilled ? { ...this.random, below: (count) => count - 1 } : this.random);
  }
}
