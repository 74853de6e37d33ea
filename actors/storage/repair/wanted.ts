/** What redundancy a payload has, and what it should have by the profile that is written now. */
import { copiesOf, ERASURE_BYTES_MIN, type ErasureProfile } from "#actors/domain/erasure-profile.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { layoutOf, layoutsOf, marginOf } from "#actors/storage/catalog/holders.ts";
import { shardLength, shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import { descriptorLength } from "#actors/storage/chunks/shard-descriptor.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { HOME_SLOT, slotOf } from "#actors/storage/packs/pack-number.ts";
import { RECORD_HEADER_BYTES, sizeOfRecord, tableBytes } from "#actors/storage/packs/record.ts";

export interface Redundancy {
  /** More volumes than this may not be lost; -1: it cannot be read. */
  readonly margin: number;
  /** Records that are to be written. */
  readonly missing: readonly Missing[];
  /** Of what is wanted, what is there. */
  readonly kept: readonly CatalogEntry[];
  /** Not needed as soon as nothing is missing. */
  readonly surplus: readonly CatalogEntry[];
}

/** A shard by its number, or a copy. */
export type Missing = number | "copy";

/** `records` are those that can be read, or are waited for; the payload has `lengthBytes`. */
export function redundancyOf(
  records: readonly CatalogEntry[],
  kind: "chunk" | "manifest",
  lengthBytes: number,
  profile: ErasureProfile,
): Redundancy {
  const margin = marginOf(records);
  const layout = kind === "chunk" && lengthBytes >= ERASURE_BYTES_MIN ? shardsOf(lengthBytes, profile) : undefined;
  if (layout === undefined) {
    const kept = onePerSlot(records.filter(isCopy));
    const wanted = copiesOf(profile);
    const used = kept.slice(0, wanted);
    const missing: readonly Missing[] = Array.from({ length: wanted - used.length }, () => "copy" as const);
    return { margin, missing, kept: used, surplus: records.filter((record) => !used.includes(record)) };
  }
  const shards = layoutsOf(records).get(layoutOf(layout)) ?? new Map<number, readonly CatalogEntry[]>();
  const used: CatalogEntry[] = [];
  const missing: Missing[] = [];
  for (let shard = 0; shard < layout.dataShards + layout.parityShards; shard += 1) {
    const free = shards.get(shard)?.find(({ pack }) => !used.some((other) => slotOf(other.pack) === slotOf(pack)));
    if (free === undefined) missing.push(shard);
    else used.push(free);
  }
  return { margin, missing, kept: used, surplus: records.filter((record) => !used.includes(record)) };
}

/** What the records that are missing take, with their headers, and with the fronts of packs that are begun for them. */
export function recordBytesOf(missing: readonly Missing[], payloadBytes: number, profile: ErasureProfile): number {
  const layout = shardsOf(payloadBytes, profile);
  const sizes = missing.map((one) => {
    const isShard = one !== "copy" && layout !== undefined;
    const ownBytes = isShard ? shardLength(layout, one) : payloadBytes;
    const payloadOffset = RECORD_HEADER_BYTES + tableBytes(ownBytes) + (isShard ? descriptorLength(layout) : 0);
    return PACK_FRONT_BYTES + sizeOfRecord({ payloadOffset, payloadBytes: ownBytes });
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What a payload can be brought to. */
export interface Reach extends Pick<Redundancy, "missing"> {
  readonly profile: ErasureProfile;
}

/**
 * The first of `profiles` for which there is somewhere to write. The first of all is what it should have; the others are for
 * what survives less than they give, and for nothing else: what has as much waits for room, and is not written to and fro.
 */
export function reachOf(
  profiles: readonly ErasureProfile[],
  redundancyBy: (profile: ErasureProfile) => Redundancy,
  targetsBeside: (slots: ReadonlySet<number>) => number,
): Reach | undefined {
  for (const [index, profile] of profiles.entries()) {
    const { kept, margin, missing } = redundancyBy(profile);
    const isWorthIt = index === 0 || margin < profile.parityShards;
    const targets = targetsBeside(new Set(kept.map(({ pack }) => slotOf(pack))));
    if (isWorthIt && missing.length <= targets) return { profile, missing };
  }
  return undefined;
}

/** One on a volume, that says by itself what it stands for. */
function isCopy({ isOutdated, pack, shard }: CatalogEntry): boolean {
  return shard === undefined && slotOf(pack) !== HOME_SLOT && isOutdated !== true;
}

function onePerSlot(records: readonly CatalogEntry[]): readonly CatalogEntry[] {
  return [...new Map(records.map((record) => [slotOf(record.pack), record])).values()];
}
