/** What is known of the objects of one node, over all its lives, and what its clients were answered. */
import { Damage } from "#chaos/disk/damage.ts";
import type { WorkObject } from "#chaos/workload/objects.ts";

/** Latencies kept since the last sample: enough for its percentiles. */
export const LATENCIES_MAX = 10_000;

export class Ledger {
  /** Answered with 200 or 201: they are there from then on. */
  readonly acknowledged: Map<string, WorkObject> = new Map();
  /** Sent at least in part: they may be there, whole. */
  readonly offered: Map<string, WorkObject> = new Map();
  /** What may be damaged of all that. */
  readonly damage: Damage = new Damage();
  /** Answers, by what they were. */
  readonly tally: Record<string, number> = {};
  #latenciesMs: number[] = [];

  count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  took(ms: number): void {
    if (this.#latenciesMs.length < LATENCIES_MAX) this.#latenciesMs.push(ms);
  }

  /** Of the answers since it was last asked, ascending. */
  takeLatenciesMs(): readonly number[] {
    const taken = this.#latenciesMs;
    this.#latenciesMs = [];
    return taken.sort((one, other) => one - other);
  }
}
