/** Looks at the node and its clients once in a while, for the report: what a run looks like over time. */
import type { Calm } from "#chaos/calm.ts";
import type { Ledger } from "#chaos/ledger.ts";
import type { Sample } from "#chaos/outcome.ts";
import { passed, type World } from "#chaos/world.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";

/** Samples of one run: where there would be more, every other one is left out, and looks are half as frequent. */
export const SAMPLES_MAX = 2000;
const EVERY_MS = 1000;

export class Sampler {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #calm: Calm;
  readonly #onSample: (sample: Sample) => void;
  #samples: Sample[] = [];
  #everyMs = EVERY_MS;
  #isDone = false;
  #seen: Readonly<Record<string, number>> = {};
  /** By part: what was last seen, and what it had before it began again from 0. */
  readonly #restarts = new Map<string, { last: number; before: number }>();

  constructor(world: World, ledger: Ledger, calm: Calm, onSample: (sample: Sample) => void) {
    this.#world = world;
    this.#ledger = ledger;
    this.#calm = calm;
    this.#onSample = onSample;
  }

  /** Until `stop`. */
  async run(): Promise<void> {
    const beganMs = this.#world.clock.nowMs();
    while (!this.#isDone) {
      await passed(this.#world, this.#everyMs);
      const sample = this.#look(this.#world.clock.nowMs() - beganMs, await this.#world.status());
      this.#onSample(sample);
      this.#samples.push(sample);
      if (this.#samples.length < SAMPLES_MAX) continue;
      this.#samples = this.#samples.filter((_, index) => index % 2 === 1);
      this.#everyMs *= 2;
    }
  }

  stop(): readonly Sample[] {
    this.#isDone = true;
    return this.#samples;
  }

  #look(atMs: number, status: NodeStatus | undefined): Sample {
    const latencies = this.#ledger.takeLatenciesMs();
    const at = (part: number): number | undefined => latencies[Math.floor((latencies.length - 1) * part)];
    const tally = { ...this.#ledger.tally };
    const since = (matches: (what: string) => boolean): number =>
      Object.entries(tally)
        .filter(([what]) => matches(what))
        .reduce((sum, [what, count]) => sum + count - (this.#seen[what] ?? 0), 0);
    const refused = since((what) => what.startsWith("refused "));
    const unanswered = since((what) => what.endsWith(" without answer"));
    const answered = since((what) => ["put", "get", "range", "stat", "ask", "publish"].includes(what));
    this.#seen = tally;
    const mailboxes = status?.actors.map(({ mailbox }) => mailbox.depth);
    return {
      atMs: Math.round(atMs),
      served: answered - refused,
      refused,
      unanswered,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      restarts: this.#countRestarts(status),
      depth: mailboxes === undefined || mailboxes.length === 0 ? undefined : Math.max(...mailboxes),
      faults: this.#calm.faults,
    };
  }

  #countRestarts(status: NodeStatus | undefined): number {
    for (const { name, restarts } of [...(status?.cells ?? []), ...(status?.actors ?? [])]) {
      const { last = 0, before = 0 } = this.#restarts.get(name) ?? {};
      this.#restarts.set(name, { last: restarts, before: restarts < last ? before + last : before });
    }
    return [...this.#restarts.values()].reduce((sum, { last, before }) => sum + last + before, 0);
  }
}
