/**
 * The volumes that are written: each with the pool of its packs and the log that fills them. A volume has none before its
 * packs were recovered, and loses them when it goes.
 */

import type { PackPool } from "#actors/storage/packs/pack-pool.ts";
import type { PackWatch } from "#actors/storage/packs/pack-watch.ts";
import type { VolumeLog } from "#actors/storage/spread/volume-log.ts";
import type { VolumeView } from "#actors/storage/volumes/volume-view.ts";

export interface Lane {
  readonly pool: PackPool;
  readonly log: VolumeLog;
  readonly watch: PackWatch;
  /** No batch of it begins any more, and no look at its packs. */
  readonly end: () => void;
}

export class Lanes {
  readonly #lanes = new Map<number, Lane>();
  readonly #writable: () => readonly VolumeView[];

  constructor(writable: () => readonly VolumeView[]) {
    this.#writable = writable;
  }

  add(slot: number, lane: Lane): void {
    this.#lanes.set(slot, lane);
  }

  get(slot: number): Lane | undefined {
    return this.#lanes.get(slot);
  }

  get all(): readonly Lane[] {
    return [...this.#lanes.values()];
  }

  /** Volumes that may be written, and can be. */
  get open(): readonly VolumeView[] {
    return this.#writable().filter(({ slot }) => this.#lanes.has(slot));
  }

  /** Settles when nothing of it is under way any more. */
  async end(slot: number): Promise<void> {
    const lane = this.#lanes.get(slot);
    if (lane === undefined) return;
    this.#lanes.delete(slot);
    lane.end();
    await lane.watch.close();
    await lane.log.rotate();
    await lane.pool.close();
  }

  async rotate(): Promise<void> {
    await Promise.all(this.all.map(({ log }) => log.rotate()));
  }
}
