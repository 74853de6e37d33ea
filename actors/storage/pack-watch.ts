/**
 * Looks again and again whether the packs of the data directory are still there. Who removes one under a running node takes
 * its name, and not the file that is open: what is written to that is read back, and gone with the process.
 */
import {
  findLost,
  hadRecords,
  isGone,
  type LossDeps,
  type LostPack,
  markLost,
  setGone,
} from "#actors/storage/lost-packs.ts";
import type { PackFiles } from "#actors/storage/pack-files.ts";
import { HOME_SLOT } from "#actors/storage/pack-number.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import { second } from "#runtime/units.ts";

/** Longest time that something is written to a pack without a name, where the packs are listed quickly. */
export const PACKS_LOOK_INTERVAL_MS: number = 5 * second;
/** So many times as long as a look takes is the pause after it, at least: the names of a hundred thousand packs take a while. */
const PAUSE_PER_LOOK = 100;

export interface PackWatchDeps extends LossDeps {
  readonly files: PackFiles;
  readonly clock: Clock;
  /** Nothing goes to the pack any more when it settles, but from an upload that has it, which fails at its end. */
  readonly stopWriting: (pack: number) => Promise<void>;
  /** Which packs have lost something, told once and with each change; undefined when none has. */
  readonly onPackTrouble: (trouble: string | undefined) => void;
  /** Of what goes on beside the calls: it ends the incarnation. */
  readonly onDefect: (defect: unknown) => void;
  readonly signal: AbortSignal;
}

export class PackWatch {
  readonly #deps: PackWatchDeps;
  /** Told of, and as they are until the next start. */
  readonly #short = new Set<number>();
  #looking: Promise<void> | undefined;
  #timer: Timer | undefined;
  #trouble: string | undefined;

  constructor(deps: PackWatchDeps) {
    this.#deps = deps;
    this.#tell();
    this.#later();
  }

  /** All that ask together wait for one look. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch(this.#deps.onDefect)
      .then(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  /** None is under way any more when it settles. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#looking;
  }

  #later(lookMs: number = 0): void {
    const { clock, signal } = this.#deps;
    this.#timer = clock.after(Math.max(PACKS_LOOK_INTERVAL_MS, PAUSE_PER_LOOK * lookMs), () => {
      const begunMs = clock.nowMs();
      void this.look().then(() => {
        if (!signal.aborted) this.#later(clock.nowMs() - begunMs);
      });
    });
  }

  async #look(): Promise<void> {
    const { catalog, files, signal, stopWriting } = this.#deps;
    const lost = await findLost(files, catalog, [HOME_SLOT]);
    if (!lost.ok || signal.aborted) return;
    const fresh = lost.value.filter(({ state, sizeBytes }) => sizeBytes === undefined || !this.#short.has(state.pack));
    for (const { state } of fresh) await stopWriting(state.pack);
    if (signal.aborted) return;
    // With what was written until it was stopped.
    const stopped = fresh.map(({ state, sizeBytes }): LostPack => {
      return { state: catalog.packs.get(state.pack) ?? state, sizeBytes };
    });
    await markLost(stopped.filter(hadRecords), this.#deps);
    for (const one of stopped) {
      await files.forget(one.state.pack);
      if (one.sizeBytes === undefined) setGone(one, catalog);
      else this.#short.add(one.state.pack);
    }
    this.#tell();
  }

  #tell(): void {
    const { catalog, onPackTrouble } = this.#deps;
    const lost = [...catalog.packs.values()].filter((state) => isGone(state) || this.#short.has(state.pack));
    const trouble = lost.length === 0 ? undefined : `packs gone, or cut: ${lost.length}, see cepa scrub`;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    onPackTrouble(trouble);
  }
}
