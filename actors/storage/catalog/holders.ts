/**
 * The records that hold one payload: whole copies of it, and shards of one or several layouts, on any volumes.
 *
 * A *holder* is a volume, and of shards also which shard: each has one record at most. A layout is a number of data shards
 * and of parity shards: any `dataShards` of its shards give the payload back, those of two layouts do not mix.
 */
import type { CatalogEntry, ShardName } from "#actors/storage/catalog/catalog-records.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";

type Held = Pick<CatalogEntry, "pack" | "shard">;

/** The same for two records of which one replaces the other. */
export function holderOf({ pack, shard }: Held): string {
  return shard === undefined ? `${slotOf(pack)}` : `${slotOf(pack)} ${layoutOf(shard)} ${shard.shard}`;
}

export function layoutOf({ dataShards, parityShards }: Pick<ShardName, "dataShards" | "parityShards">): string {
  return `${dataShards}+${parityShards}`;
}

/** Shards by their number, by their layouts. One that is there twice is listed as often. */
export function layoutsOf<Record extends Held>(
  records: readonly Record[],
): ReadonlyMap<string, ReadonlyMap<number, readonly Record[]>> {
  const layouts = new Map<string, Map<number, Record[]>>();
  for (const record of records) {
    const { shard } = record;
    if (shard === undefined) continue;
    const layout = layouts.get(layoutOf(shard)) ?? new Map<number, Record[]>();
    layouts.set(layoutOf(shard), layout);
    layout.set(shard.shard, [...(layout.get(shard.shard) ?? []), record]);
  }
  return layouts;
}

/** Whether these records, if all of them can be read, give the payload back. */
export function suffice(records: readonly Held[]): boolean {
  if (records.some(({ shard }) => shard === undefined)) return true;
  for (const shards of layoutsOf(records).values()) {
    const [first] = shards.values();
    if (shards.size >= (first?.[0]?.shard?.dataShards ?? Number.POSITIVE_INFINITY)) return true;
  }
  return false;
}

/**
 * Whether they would give the payload back if every volume were there. What one has refused before it went may be well again
 * with it.
 */
export function mayGiveBack(
  records: readonly (Held & Pick<CatalogEntry, "damage">)[],
  isThere: (pack: number) => boolean,
): boolean {
  return suffice(
    records.filter(({ damage, pack }) => damage === "none" || (damage === "unreadable" && !isThere(pack))),
  );
}

/** As `mayGiveBack`; and what nobody has records enough of may be on a volume that is not there, where one `isLacking`. */
export function mayComeBack(
  records: readonly (Held & Pick<CatalogEntry, "damage">)[],
  isThere: (pack: number) => boolean,
  isLacking: boolean,
): boolean {
  return mayGiveBack(records, isThere) || (isLacking && !suffice(records));
}

/**
 * How many volumes may be lost of those that hold these records, by the best layout, or by the copies; -1: it is not there.
 * Never more than may be; less where shards are on several volumes each, or the rest of one layout makes up for another.
 */
export function marginOf(records: readonly Held[]): number {
  let margin = new Set(records.filter(({ shard }) => shard === undefined).map(({ pack }) => slotOf(pack))).size - 1;
  for (const shards of layoutsOf(records).values()) margin = Math.max(margin, marginOfShards(shards));
  return Math.max(-1, margin);
}

/** Of one layout. Each shard goes with one volume, and those that take most with them go first. */
function marginOfShards(shards: ReadonlyMap<number, readonly Held[]>): number {
  const [first] = shards.values();
  let spare = shards.size - (first?.[0]?.shard?.dataShards ?? Number.POSITIVE_INFINITY);
  const counts = new Map<number, number>();
  const countOf = (slot: number): number => counts.get(slot) ?? 0;
  for (const held of [...shards.values()].sort((one, other) => one.length - other.length)) {
    const slots = held.map(({ pack }) => slotOf(pack));
    const slot = slots.reduce((least, other) => (countOf(other) < countOf(least) ? other : least));
    counts.set(slot, countOf(slot) + 1);
  }
  let margin = -1;
  for (const count of [...counts.values()].sort((one, other) => other - one)) {
    if (spare < 0) break;
    margin += 1;
    spare -= count;
  }
  return margin;
}
