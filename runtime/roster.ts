/**
 * Who is in, in the order they came: for what comes and goes by the thousand.
 *
 * A `Set` would do but for the collector. A set that is added to and deleted from is rehashed again and again; each of its
 * old tables refers to the next one, and keeps who was in at the time. Once one of them is old, all that follow live until
 * the old generation is collected, and with them whatever their members refer to: of small gets it was every request. So
 * a place that was left refers to nothing.
 */

/** Where one stands. Whoever enters keeps it, to leave. */
export class Place<Item> {
  /** The roster's own bookkeeping. */
  item: Item | undefined;
  previous: Place<Item> | undefined;
  next: Place<Item> | undefined = undefined;

  constructor(item: Item, previous: Place<Item> | undefined) {
    this.item = item;
    this.previous = previous;
  }
}

export class Roster<Item extends object> {
  #first: Place<Item> | undefined = undefined;
  #last: Place<Item> | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  enter(item: Item): Place<Item> {
    const place = new Place(item, this.#last);
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.#size += 1;
    return place;
  }

  /** False when it was left before. */
  leave(place: Place<Item>): boolean {
    if (place.item === undefined) return false;
    const { previous, next } = place;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    place.item = undefined;
    place.previous = undefined;
    place.next = undefined;
    this.#size -= 1;
    return true;
  }

  /** Looks at one after the other. */
  has(item: Item): boolean {
    for (let place = this.#first; place !== undefined; place = place.next) if (place.item === item) return true;
    return false;
  }

  /** Who came first leaves. Undefined when nobody is in. */
  shift(): Item | undefined {
    return this.#send(this.#first);
  }

  /** Who came last leaves. */
  pop(): Item | undefined {
    return this.#send(this.#last);
  }

  /** As it is now: who comes and goes later makes no difference to it. */
  items(): Item[] {
    const items: Item[] = [];
    for (let place = this.#first; place !== undefined; place = place.next) {
      if (place.item !== undefined) items.push(place.item);
    }
    return items;
  }

  #send(place: Place<Item> | undefined): Item | undefined {
    if (place === undefined) return undefined;
    const { item } = place;
    this.leave(place);
    return item;
  }
}
