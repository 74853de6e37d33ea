/**
 * Tells the index what storage has committed: from its checkpoint on, page by page, for as long as overlay lives.
 *
 * - One loop, so two rounds never run at once. A round follows when index or storage went down, after a failed round
 *   (with full jitter), and every `feedIntervalMs`, which bounds how much a restarted index must be told.
 * - A round belongs to one life of the index: what it told an earlier life may have been lost with it, so the index
 *   refuses its checkpoint and `done`, and the next round begins where the new life stands.
 * - A page is what was true when it was asked for. What it says against an entry that index was told since is fed only where
 *   storage does not hold what index leads to.
 * - Both actors are watched before the checkpoint is asked for: one that goes down later is noticed.
 */
import type { Checkpoint, IndexEntry, IndexProtocol } from "#actors/index/protocol.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import { makeFindable } from "#actors/overlay/findable.ts";
import type { Below } from "#actors/overlay/put.ts";
import type { Cursor, ListedManifest, StorageProtocol } from "#actors/storage/protocol.ts";
import { doubled } from "#runtime/doubled.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import { pause } from "#runtime/pause.ts";
import type { Ref, Within } from "#runtime/ref.ts";

type Watched = Ref<StorageProtocol> | Ref<IndexProtocol>;

export interface FeederOptions extends Below {
  /** Calls `onDown` once, when the present incarnation of the target ends or if there is none. */
  readonly watch: (target: Watched, onDown: () => void) => void;
  /** After every round: why it failed, or undefined. */
  readonly onRound: (cause: string | undefined) => void;
}

export class Feeder {
  readonly #options: FeederOptions;
  readonly #watched = new Set<Watched>();
  /** Aborted when a round is wanted now. */
  #wanted = new AbortController();

  constructor(options: FeederOptions) {
    this.#options = options;
  }

  /** Settles when `within.signal` is aborted. */
  async run(within: Within): Promise<void> {
    const { config, clock, random, onRound } = this.#options;
    const stop = (): void => this.#wanted.abort();
    within.signal.addEventListener("abort", stop);
    for (let failedCount = 0; !within.signal.aborted; ) {
      this.#wanted = new AbortController();
      this.#watch();
      const cause = await this.#round(within);
      this.#options.told.end();
      if (within.signal.aborted) break;
      onRound(cause);

      const { feedIntervalMs, feedBackoffMsMin, feedBackoffMsMax } = config.current;
      if (cause === undefined && !this.#wanted.signal.aborted) {
        failedCount = 0;
        await pause(clock, feedIntervalMs, this.#wanted.signal);
        continue;
      }
      // Something went down meanwhile, or the round failed: not at once, or both would spin. 2^31 is past every bound.
      const ceilingMs = doubled(feedBackoffMsMin, failedCount, feedBackoffMsMax);
      failedCount = cause === undefined ? 0 : failedCount + 1;
      await pause(clock, random.below(Math.floor(ceilingMs) + 1), within.signal);
    }
    within.signal.removeEventListener("abort", stop);
  }

  #watch(): void {
    const { index, storage, watch } = this.#options;
    for (const target of [index, storage]) {
      if (this.#watched.has(target)) continue;
      this.#watched.add(target);
      watch(target, () => {
        this.#watched.delete(target);
        this.#wanted.abort();
      });
    }
  }

  /** Answers with why it failed. Every page makes progress or ends the round, so it ends with storage's commits. */
  async #round(within: Within): Promise<string | undefined> {
    const { index, storage, config, told } = this.#options;
    const limit = config.current.feedPageEntriesMax;
    const options = optionsOf(this.#options, within);
    const asked = <Value, Own extends Failure>(attempt: () => Promise<Result<Value, Own>>) =>
      ask(this.#options, within, attempt);

    const start = await asked(() => index.call("readCheckpoint", {}, options));
    if (!start.ok) return causeOf(start.failure);
    const { life, entryCount } = start.value;
    let after: Cursor | undefined = start.value.cursor;
    let toldCount = 0;
    for (;;) {
      told.begin();
      const page = await asked(() => storage.call("listManifests", { after, limit }, options));
      if (!page.ok) return causeOf(page.failure);
      const { entries, next, done, total } = page.value;
      if (entries.length > 0) {
        const cause = await this.#tell(entries.filter(hasAddress), { cursor: next, life }, within);
        if (cause !== undefined) return cause;
      }
      toldCount += entries.length;
      const doneCount = done ? total : Math.min(total, entryCount + toldCount);
      const report = { life, doneCount, totalCount: total, done };
      const reported = await asked(() => index.call("reportRebuild", report, options));
      if (!reported.ok) return causeOf(reported.failure);
      if (done) return undefined;
      if (next === after) return "storage.not-ready";
      after = next;
    }
  }

  /** The checkpoint comes with the last of a page. */
  async #tell(entries: readonly IndexEntry[], checkpoint: Checkpoint, within: Within): Promise<string | undefined> {
    const { index, told } = this.#options;
    const options = optionsOf(this.#options, within);
    let doubtful: readonly IndexEntry[] = [];
    const recorded = await ask(this.#options, within, () => {
      // Whoever tells index something from here on is heard after this.
      doubtful = entries.filter((entry) => told.contradicts(entry));
      const sure = entries.filter((entry) => !told.contradicts(entry));
      const reached = doubtful.length === 0 ? checkpoint : undefined;
      return index.call("record", { entries: sure, checkpoint: reached }, options);
    });
    if (!recorded.ok) return causeOf(recorded.failure);
    if (doubtful.length === 0) return undefined;

    for (const entry of doubtful) {
      const settled = await this.#options.turns.inTurn(entry.address, () => makeFindable(this.#options, entry, within));
      if (!settled.ok) return causeOf(settled.failure);
    }
    const moved = await ask(this.#options, within, () => index.call("record", { entries: [], checkpoint }, options));
    return moved.ok ? undefined : causeOf(moved.failure);
  }
}

/** Ciphertext has none, and is not the index's. */
function hasAddress(entry: ListedManifest): entry is ListedManifest & IndexEntry {
  return entry.address !== undefined;
}

function causeOf(failure: Failure & { readonly cause?: string }): string {
  return failure.cause ?? failure.code;
}
