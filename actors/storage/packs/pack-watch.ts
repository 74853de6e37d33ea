/**
 * Looks again and again whether the packs of the data directory, or of one volume, are still there. Who removes one under a
 * running node takes its name, and not the file that is open: what is written to that is read back, and gone with the process.
 */
import { hasLost } from "#actors/storage/catalog/catalog-records.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import type { PackPool } from "#actors/storage/packs/pack-pool.ts";
import { findLost, type LossDeps, type LostPack, settleLost } from "#actors/storage/recovery/lost-packs.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { second } from "#runtime/units.ts";

/** Longest time that something is written to a pack without a name, where the packs are listed quickly. */
export const PACKS_LOOK_INTERVAL_MS: number = 5 * second;
/** So many times as long as a look takes is the pause after it, at least: the names of a hundred thousand packs take a while. */
const PAUSE_PER_LOOK = 100;

export interface PackWatchDeps extends LossDeps {
  readonly slot: number;
  readonly files: PackFiles;
  readonly clock: Clock;
  readonly pool: Pick<PackPool, "lose">;
  /** Who writes small records gives the pack in hand back. */
  readonly rotate: () => Promise<void>;
  /** Whether that is where the packs belong: an empty mount point says nothing of them. */
  readonly isThere: () => Promise<boolean>;
  /** They cannot be listed; answers with what is to be told of that. */
  readonly onUnlisted: (failure: DiskFailure) => Promise<string | undefined>;
  /** Records were marked. */
  readonly onLost: () => void;
  /** Which packs have lost something, told once and with each change; undefined when none has. */
  readonly onPackTrouble: (trouble: string | undefined) => void;
  /** Of what goes on beside the calls: it ends the incarnation. */
  readonly onDefect: (defect: unknown) => void;
}

export class PackWatch {
  readonly #deps: PackWatchDeps;
  #looking: Promise<void> | undefined;
  #marking: Promise<void> | undefined;
  #timer: Timer | undefined;
  #unlisted: string | undefined;
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

  /** Nothing is marked any more when it settles. A disk that does not answer is not waited for. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#marking;
  }

  #later(lookMs: number = 0): void {
    const { clock, isOver } = this.#deps;
    this.#timer = clock.after(Math.max(PACKS_LOOK_INTERVAL_MS, PAUSE_PER_LOOK * lookMs), () => {
      const begunMs = clock.nowMs();
      void this.look().then(() => {
        if (!isOver()) this.#later(clock.nowMs() - begunMs);
      });
    });
  }

  async #look(): Promise<void> {
    const { catalog, files, isOver, isThere, onDefect, onLost, onUnlisted, slot } = this.#deps;
    if (!files.slots.includes(slot)) return;
    const lost = await findLost(files, catalog, [slot]);
    if (isOver()) return;
    this.#unlisted = lost.ok ? undefined : await onUnlisted(lost.failure);
    if (!lost.ok) return this.#tell();
    if (lost.value.length > 0 && !(await isThere())) return;
    await this.#stopWriting(lost.value.map(({ state }) => state.pack));
    if (isOver()) return;
    this.#marking = this.#mark(lost.value).catch(onDefect);
    await this.#marking;
    if (lost.value.length > 0) onLost();
    this.#tell();
  }

  async #mark(lost: readonly LostPack[]): Promise<void> {
    const { catalog, files } = this.#deps;
    // With what was written until it was stopped; a collection may have given it up meanwhile.
    const stopped = lost.flatMap(({ state: { pack }, sizeBytes }): readonly LostPack[] => {
      const state = catalog.packs.get(pack);
      return state === undefined ? [] : [{ state, sizeBytes }];
    });
    await settleLost(stopped, this.#deps);
    for (const { state } of stopped) await files.forget(state.pack);
  }

  /** Nothing goes to these packs any more when it settles, but from an upload that has one, which fails at its end. */
  async #stopWriting(packs: readonly number[]): Promise<void> {
    const held = await this.#lose(packs);
    if (held.length === 0) return;
    await this.#deps.rotate();
    await this.#lose(held);
  }

  /** Answers with those that are not free, of which one may be in hand. */
  async #lose(packs: readonly number[]): Promise<readonly number[]> {
    const held: number[] = [];
    for (const pack of packs) if (!(await this.#deps.pool.lose(pack))) held.push(pack);
    return held;
  }

  #tell(): void {
    const { catalog, onPackTrouble, slot } = this.#deps;
    const lost = [...catalog.packs.values()].filter((state) => slotOf(state.pack) === slot && hasLost(state));
    const gone = lost.length === 0 ? undefined : `packs gone, or cut: ${lost.length}, see cepa scrub`;
    const trouble = this.#unlisted ?? gone;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    onPackTrouble(trouble);
  }
}
