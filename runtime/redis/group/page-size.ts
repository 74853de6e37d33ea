/**
 * How many entries to ask for at once, where what may be in memory is bounded in bytes and Redis counts entries alone.
 *
 * It begins low, doubles with every page that is full, and falls at once to what fits where entries have grown. One page of
 * entries that are much larger than all before it is larger by as much; whoever did not survive that begins low again, and so
 * comes through what is there.
 */

/** The first page after a start has no more. */
export const PAGE_FIRST_COUNT_MAX = 16;

export interface PageBounds {
  /** At least 1. */
  readonly pageCountMax: number;
  /** Of names and values, about. An entry that is larger comes alone. */
  readonly pageBytesMax: number;
}

export class PageSize {
  readonly #bounds: PageBounds;
  #count: number;

  constructor(bounds: PageBounds) {
    this.#bounds = bounds;
    this.#count = Math.min(PAGE_FIRST_COUNT_MAX, bounds.pageCountMax);
  }

  get count(): number {
    return this.#count;
  }

  /** So many came, and were so large. */
  saw(entryCount: number, sizeBytes: number): void {
    if (entryCount === 0) return;
    const { pageCountMax, pageBytesMax } = this.#bounds;
    const fitting = Math.floor((pageBytesMax * entryCount) / Math.max(1, sizeBytes));
    this.#count = Math.max(1, Math.min(pageCountMax, fitting, Math.max(this.#count, entryCount * 2)));
  }
}
