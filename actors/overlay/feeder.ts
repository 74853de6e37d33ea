/**
 * Tells the index what storage has committed: from its checkpoint on, page by page, for as long as overlay lives.
 *
 * - One loop, so two rounds never run at once. A round follows when index or storage went down, after a failed round
 *   (with full jitter), and every `feedIntervalMs`, which bounds how much a restarted index must be told.
 * - A round belongs to one life of the index: what it told an earlier life may have been lost with it, so the index
 *   refuses its checkpoint and `done`, and the next round begins where the new life stands.
 * - Both actors are watched before the checkpoint is asked for: one that goes down later is noticed.
 */
import type { IndexEntry, IndexProtocol } from "#actors/index/protocol.ts";
import { ask, pause } from "#actors/overlay/ask.ts";
import type { Below } from "#actors/overlay/put.ts";
import type { CommittedManifest, Cursor, StorageProtocol } from "#actors/storage/protocol.ts";
import type { Failure, Result } from "#runtime/errors.ts";
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
      if (within.signal.aborted) break;
      onRound(cause);

      const { feedIntervalMs, feedBackoffMsMin, feedBackoffMsMax } = config.current;
      if (cause === undefined && !this.#wanted.signal.aborted) {
        failedCount = 0;
        await pause(clock, feedIntervalMs, this.#wanted.signal);
        continue;
      }
      // Something went down meanwhile, or the round failed: not at once, or both would spin. 2^31 is past every bound.
      const ceilingMs = Math.min(feedBackoffMsMax, feedBackoffMsMin * 2 ** Math.min(failedCount, 31));
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
    const { index, storage, config } = this.#options;
    const { callTimeoutMs: timeoutMs, feedPageEntriesMax: limit } = config.current;
    const options = { timeoutMs, within, whenFull: "wait" } as const;
    const asked = <Value, Own extends Failure>(attempt: () => Promise<Result<Value, Own>>) =>
      ask(this.#options, within, attempt);

    const start = await asked(() => index.call("readCheckpoint", {}, options));
    if (!start.ok) return causeOf(start.failure);
    const { life, entryCount } = start.value;
    let after: Cursor | undefined = start.value.cursor;
    let toldCount = 0;
    for (;;) {
      const page = await asked(() => storage.call("listManifests", { after, limit }, options));
      if (!page.ok) return causeOf(page.failure);
      const { entries, next, done, total } = page.value;
      if (entries.length > 0) {
        const checkpoint = { cursor: next, life };
        const named = entries.filter(hasAddress);
        const recorded = await asked(() => index.call("record", { entries: named, checkpoint }, options));
        if (!recorded.ok) return causeOf(recorded.failure);
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
}

/** Ciphertext has none, and is not the index's. */
function hasAddress(entry: CommittedManifest): entry is CommittedManifest & IndexEntry {
  return entry.address !== undefined;
}

function causeOf(failure: Failure & { readonly cause?: string }): string {
  return failure.cause ?? failure.code;
}
