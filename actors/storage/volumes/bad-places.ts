/**
 * Where a disk took so long to say that it cannot read that nobody waited for it. Whoever reads over the same place is told at
 * once, and makes good elsewhere what is lost there; otherwise each attempt would stall the whole volume again.
 *
 * Remembered for a life of the store. What is forgotten is found again as it was found first.
 */
import { SECTOR_BYTES } from "#actors/storage/packs/pack-scan.ts";

/** Places that are remembered. The oldest gives way. */
export const BAD_PLACES_MAX = 1024;

interface Place {
  readonly path: string;
  readonly from: number;
  readonly end: number;
}

export class BadPlaces {
  readonly #places: Place[] = [];

  add(path: string, from: number, lengthBytes: number): void {
    const end = from + lengthBytes;
    const sector = from - (from % SECTOR_BYTES);
    const isInSector = end <= sector + SECTOR_BYTES;
    this.#places.push(isInSector ? { path, from: sector, end: sector + SECTOR_BYTES } : { path, from, end });
    if (this.#places.length > BAD_PLACES_MAX) this.#places.shift();
  }

  /** Whether a bad sector would be read, or all of a larger bad place: a part of that may be good. */
  isMet(path: string, from: number, lengthBytes: number): boolean {
    const end = from + lengthBytes;
    return this.#places.some((bad) => {
      if (bad.path !== path) return false;
      const isSector = bad.end - bad.from === SECTOR_BYTES && bad.from % SECTOR_BYTES === 0;
      return isSector ? from < bad.end && bad.from < end : from <= bad.from && bad.end <= end;
    });
  }
}
