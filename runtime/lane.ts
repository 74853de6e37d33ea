/**
 * A first-in, first-out ring with one consumer: the storage of a mailbox lane and of the dispatcher's run queue.
 *
 * It starts empty-handed and doubles when needed, so that an idle actor costs nothing; `capacity` is its bound.
 * What happens at the bound is the owner's decision: `push` only says that it did not take the item.
 */
import { assert } from "#runtime/errors.ts";

const FIRST_SLOTS = 8;
/** Of every lane that has held nothing yet. Never written to. */
const NO_SLOTS: undefined[] = [];

export class Lane<Item> {
  readonly capacity: number;
  #slots: (Item | undefined)[] = NO_SLOTS;
  #head = 0;
  #depth = 0;

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, "a lane holds at least one item");
    this.capacity = capacity;
  }

  get depth(): number {
    return this.#depth;
  }

  /** False, and nothing is kept, when the lane is full. */
  push(item: Item): boolean {
    if (this.#depth >= this.capacity) return false;
    this.#append(item);
    return true;
  }

  /** Takes the oldest item and keeps this one in its stead. */
  displace(item: Item): Item {
    const oldest = this.take();
    assert(oldest !== undefined, "there is an oldest item to displace");
    this.#append(item);
    return oldest;
  }

  /** In front of all others: the one that was taken last and is given back. Its place is its own, past `capacity`. */
  putBack(item: Item): void {
    assert(this.#depth <= this.capacity, "one item at a time is given back");
    if (this.#depth === this.#slots.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#slots.length - 1);
    this.#slots[this.#head] = item;
    this.#depth += 1;
  }

  take(): Item | undefined {
    if (this.#depth === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined; // Release the reference, or the ring keeps it alive.
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#depth -= 1;
    return item;
  }

  /** Removes those that are not wanted any more, wherever they stand; the others keep their order. */
  sweep(isWanted: (item: Item) => boolean): void {
    for (let count = this.#depth; count > 0; count -= 1) {
      const item = this.take();
      if (item !== undefined && isWanted(item)) this.#append(item);
    }
  }

  #append(item: Item): void {
    if (this.#depth === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#depth) & (this.#slots.length - 1)] = item;
    this.#depth += 1;
  }

  #grow(): void {
    // A power of two, so that an index wraps by a mask.
    const slots = new Array<Item | undefined>(Math.max(FIRST_SLOTS, this.#slots.length * 2));
    for (let index = 0; index < this.#depth; index += 1) {
      slots[index] = this.#slots[(this.#head + index) & (this.#slots.length - 1)];
    }
    this.#slots = slots;
    this.#head = 0;
  }
}
