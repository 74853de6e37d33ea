/**
 * Which records are live, by pack and position: eight bytes a record, at most twice that.
 *
 * A record has a header of 128 bytes, so no two of a pack begin in the same 128: the number of those is what is kept.
 *
 * What lies behind the checkpoint that a pack had is younger than the marks. A walk meets some of it, which counts for nothing:
 * what is live is a part of what there was. In a pack that is gone, or was cut, nothing is younger: there it is what was lost.
 */
import { hasLost, type PackState } from "#actors/storage/catalog/catalog-records.ts";
import { RECORD_HEADER_BYTES } from "#actors/storage/packs/record.ts";

export class Marks {
  readonly #packs = new Map<number, PackMarks>();

  /** Of a pack that has records; with none nothing in it counts as marked. */
  expect(state: Omit<PackState, "mark" | "epoch">): void {
    this.#packs.set(state.pack, new PackMarks(state.recordCount, state.checkpoint, hasLost(state)));
  }

  /** True the first time. `sizeBytes` is what the record takes of its pack. */
  add(pack: number, position: number, sizeBytes: number): boolean {
    return this.#packs.get(pack)?.add(position, sizeBytes) ?? false;
  }

  has(pack: number, position: number): boolean {
    return this.#packs.get(pack)?.has(position) ?? false;
  }

  /** Of the records that were marked, but for those that are lost. */
  liveBytes(pack: number): number {
    return this.#packs.get(pack)?.liveBytes ?? 0;
  }
}

/** An open-addressed set of numbers; 0 is a free place. */
class PackMarks {
  readonly #end: number;
  readonly #hasLost: boolean;
  #places: Uint32Array;
  #count = 0;
  liveBytes = 0;

  constructor(expectedCount: number, end: number, hasLost: boolean) {
    this.#end = end;
    this.#hasLost = hasLost;
    this.#places = new Uint32Array(placesFor(expectedCount));
  }

  add(position: number, sizeBytes: number): boolean {
    const isBehind = position >= this.#end;
    if ((isBehind && !this.#hasLost) || !this.#insert(slotOf(position))) return false;
    if (!isBehind) this.liveBytes += sizeBytes;
    return true;
  }

  has(position: number): boolean {
    return this.#places[this.#placeOf(slotOf(position))] !== 0;
  }

  #insert(slot: number): boolean {
    const place = this.#placeOf(slot);
    if (this.#places[place] !== 0) return false;
    this.#places[place] = slot;
    this.#count += 1;
    if (2 * this.#count > this.#places.length) this.#grow();
    return true;
  }

  /** Where the slot is, or would be. */
  #placeOf(slot: number): number {
    const mask = this.#places.length - 1;
    // Records of one length are evenly spaced: without the multiplication they would pile up.
    let place = Math.imul(slot, 0x9e3779b1) & mask;
    while (this.#places[place] !== 0 && this.#places[place] !== slot) place = (place + 1) & mask;
    return place;
  }

  #grow(): void {
    const slots = this.#places;
    this.#places = new Uint32Array(2 * slots.length);
    for (const slot of slots) if (slot !== 0) this.#places[this.#placeOf(slot)] = slot;
  }
}

function slotOf(position: number): number {
  return Math.floor(position / RECORD_HEADER_BYTES) + 1;
}

function placesFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(8, 2 * (count + 1))));
}
