/** Lists in the order of their ids, none twice. */

interface Identified {
  readonly id: bigint;
}

/** Where `id` is, or would be. */
export function placeOf(items: readonly Identified[], id: bigint): number {
  let [from, to] = [0, items.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const found = items[middle];
    if (found !== undefined && found.id < id) from = middle + 1;
    else to = middle;
  }
  return from;
}

export function findById<Item extends Identified>(items: readonly Item[], id: bigint): Item | undefined {
  const item = items[placeOf(items, id)];
  return item?.id === id ? item : undefined;
}

/** One with the same id makes room. */
export function insertById<Item extends Identified>(items: Item[], item: Item): void {
  const at = placeOf(items, item.id);
  items.splice(at, items[at]?.id === item.id ? 1 : 0, item);
}

/** Whether it was there. */
export function removeById(items: Identified[], id: bigint): boolean {
  const at = placeOf(items, id);
  if (items[at]?.id !== id) return false;
  items.splice(at, 1);
  return true;
}

/** Both ends included; of many the first ones. */
export function between<Item extends Identified>(
  items: readonly Item[],
  first: bigint,
  last: bigint,
  countMax: number = Number.POSITIVE_INFINITY,
): readonly Item[] {
  const from = placeOf(items, first);
  return items.slice(from, Math.min(placeOf(items, last + 1n), from + countMax));
}
