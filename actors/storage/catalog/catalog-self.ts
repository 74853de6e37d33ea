/** What the store of a catalog says of itself, read when it is opened. */
import {
  type CatalogMeta,
  decodeMeta,
  decodePack,
  META_KEY,
  PACKS_END,
  type PackState,
  packKey,
  VERIFIED_END,
  verifiedKey,
} from "#actors/storage/catalog/catalog-records.ts";
import { readNumber } from "#actors/storage/packs/record.ts";
import type { Kv } from "#runtime/kv/kv.ts";

/** More of them are not looked for: 256 TiB of full ones. */
const PACKS_MAX = 1_048_576;

export interface CatalogSelf {
  readonly meta: CatalogMeta;
  readonly packs: readonly PackState[];
  /** When each pack was last verified, ms since 1970. */
  readonly verified: readonly (readonly [pack: number, atMs: number])[];
}

/** Undefined where the store cannot say. */
export function readSelf(kv: Kv): CatalogSelf | undefined {
  try {
    const meta = decodeMeta(kv.get(META_KEY));
    if (meta === undefined) return undefined;
    const pairs = kv.range(packKey(0), PACKS_END, PACKS_MAX);
    const times = kv.range(verifiedKey(0), VERIFIED_END, PACKS_MAX);
    return {
      meta,
      verified: times.map(({ key, value }) => [Buffer.from(key).readUInt32BE(1), readNumber(Buffer.from(value), 0)]),
      packs: pairs.map(({ key, value }) => decodePack(Buffer.from(key).readUInt32BE(1), Buffer.from(value))),
    };
  } catch {
    // Damaged: that it is rebuilt is all that matters.
    return undefined;
  }
}
