/**
 * Where a disk took so long to say that it cannot read that nobody waited for it. Whoever reads over the same place is told at
 * once, and makes good elsewhere what is lost there; otherwise each attempt would stall the whole volume again.
 *
 * Remembered for a life of the store. What is forgotten is found again as it was found first.
 */

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
    this.#places.push({ path, from, end: from + lengthBytes });
    if (this.#places.length > BAD_PLACES_MAX) this.#places.shift();
  }

  /** Whether all of a bad place would be read: a part of it may be good. */
  isWithin(path: string, from: number, lengthBytes: number): boolean {
    return this.#places.some((bad) => bad.path === path && from <= bad.from && bad.end <= from + lengthBytes);
  }
}
