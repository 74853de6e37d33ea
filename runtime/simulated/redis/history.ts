/**
 * What a simulated Redis holds, and what would be left of it if it died: all that is older than a second, and of the rest as
 * much as chance has it, from the front, as a log that is synced once a second.
 *
 * What was done is kept for a second and done again, at the time it was done, on what was certain before.
 */
import type { Random } from "#runtime/random.ts";
import type { Moment } from "#runtime/simulated/redis/command.ts";
import type { Keyspace } from "#runtime/simulated/redis/keyspace.ts";
import { second } from "#runtime/units.ts";

/** Something that commands do. At the same moment it does the same. */
export type Deed = (moment: Moment) => void;

interface Done {
  readonly deed: Deed;
  readonly when: When;
}

export type When = Omit<Moment, "keyspace">;

export class History {
  #live: Keyspace = emptyKeyspace();
  #certain: Keyspace = emptyKeyspace();
  /** Done, and not yet certain. */
  #recent: Done[] = [];
  /** 0: with every write. */
  readonly #syncMs: number;

  constructor(isEveryWriteSynced: boolean) {
    this.#syncMs = isEveryWriteSynced ? 0 : 1 * second;
  }

  run(deed: Deed, when: When): void {
    deed({ ...when, keyspace: this.#live });
    this.#recent.push({ deed, when });
    this.#sync(this.#oldCount(when.nowMs));
  }

  /** Without changing anything. */
  look<Value>(see: (moment: Moment) => Value, when: When): Value {
    return see({ ...when, keyspace: this.#live });
  }

  /** It died, and another reads its log. */
  crash(random: Random, nowMs: number): void {
    const oldCount = this.#oldCount(nowMs);
    this.#sync(oldCount + random.below(this.#recent.length - oldCount + 1));
    this.#recent = [];
    this.#live = structuredClone(this.#certain);
  }

  lose(): void {
    this.#live = emptyKeyspace();
    this.#certain = emptyKeyspace();
    this.#recent = [];
  }

  #oldCount(nowMs: number): number {
    const recent = this.#recent.findIndex(({ when }) => when.nowMs > nowMs - this.#syncMs);
    return recent < 0 ? this.#recent.length : recent;
  }

  #sync(count: number): void {
    for (const { deed, when } of this.#recent.splice(0, count)) deed({ ...when, keyspace: this.#certain });
  }
}

function emptyKeyspace(): Keyspace {
  return { keys: new Map() };
}
