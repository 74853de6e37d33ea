/**
 * Removes from the directory, now and then, what can mean nothing any more: `Directory.prune` says what that is.
 *
 * Every node of a database does, each at times of its own. A little goes at a time, so that nobody waits for it; as long as there is
 * more, the next follows soon.
 */
import type { Directory, Pruned } from "#actors/auth/directory/directory.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { Clock } from "#runtime/clock.ts";
import { pause } from "#runtime/pause.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import type { Counter, Metrics } from "#runtime/telemetry/metrics.ts";
import { hour, minute, second } from "#runtime/units.ts";

/**
 * How long it is kept what is over. Nothing that was signed counts for so long, and clocks do not differ by as much; people may want to
 * end a token of which they hear late.
 */
export const OVER_KEPT_MS: number = 30 * 24 * hour;
/** Between two times on average, with full jitter: so also nodes that do not live long prune now and then. */
export const PRUNE_MS: number = 2 * minute;
/** Of each kind, removed at once. */
export const PRUNE_BATCH_MAX = 500;
/** Before the next batch, where one was full. */
export const PRUNE_PAUSE_MS: number = 1 * second;

export interface PrunerSeams {
  readonly directory: Outside<Directory>;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
}

export class Pruner {
  readonly #seams: PrunerSeams;
  readonly #pruned: Counter;

  constructor(seams: PrunerSeams) {
    this.#seams = seams;
    this.#pruned = seams.metrics.counter("auth_pruned_total", "What meant nothing any more and was removed, by kind.");
  }

  /** Settles when `within.signal` is aborted. */
  async run(within: Within): Promise<void> {
    const { clock, random } = this.#seams;
    for (let isMore = false; !within.signal.aborted; isMore = await this.#prune(within)) {
      await pause(clock, isMore ? PRUNE_PAUSE_MS : random.below(2 * PRUNE_MS), within.signal);
    }
  }

  /** Whether there may be more. What fails is done the next time. */
  async #prune(within: Within): Promise<boolean> {
    const { directory, clock } = this.#seams;
    if (within.signal.aborted) return false;
    const beforeMs = Math.floor(clock.wallMs()) - OVER_KEPT_MS;
    const pruned = await directory.ask(within, (target, bounded) => target.prune(beforeMs, PRUNE_BATCH_MAX, bounded));
    if (!pruned.ok) return false;
    this.#count(pruned.value);
    return Object.values(pruned.value).includes(PRUNE_BATCH_MAX);
  }

  #count({ tokenCount, denialCount, requestCount }: Pruned): void {
    for (const [kind, count] of Object.entries({ token: tokenCount, denial: denialCount, request: requestCount })) {
      if (count > 0) this.#pruned.add(count, { kind });
    }
  }
}
