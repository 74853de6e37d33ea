/**
 * Which records there are of each digest. Those of the digests that were asked for or changed last are in memory, and
 * that there are none as well: a put asks for the same few again and again, and mostly for what is not there.
 *
 * Nothing else changes these keys of the store, so what is in memory is what a look into it would find.
 */
import type { Digest } from "#actors/domain/address.ts";
import { type CatalogEntry, decodeEntries, digestKey, encodeEntries } from "#actors/storage/catalog/catalog-records.ts";
import type { KvOverlay } from "#actors/storage/catalog/kv-overlay.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import { LruCache } from "#runtime/lru-cache.ts";

/** Digests of each kind whose records are in memory: more than the puts of one batch have. */
export const RECORDS_REMEMBERED_MAX = 512;

type Records = readonly CatalogEntry[];

const NO_RECORDS: Records = [];

export class RecordTable {
  readonly #overlay: KvOverlay;
  readonly #lately = { chunk: remembered(), manifest: remembered() };

  constructor(overlay: KvOverlay) {
    this.#overlay = overlay;
  }

  /** Throws where the store is damaged. */
  get(kind: RecordKind, digest: Digest): Records {
    const known = this.#lately[kind].get(digest);
    if (known !== undefined) return known;
    const value = this.#overlay.get(digestKey(kind, digest));
    const records = value === undefined ? NO_RECORDS : decodeEntries(value);
    this.#lately[kind].set(digest, records);
    return records;
  }

  set(kind: RecordKind, digest: Digest, records: Records): void {
    this.#overlay.put(digestKey(kind, digest), records.length === 0 ? undefined : encodeEntries(records));
    this.#lately[kind].set(digest, records);
  }
}

function remembered(): LruCache<Digest, Records> {
  return new LruCache(
    () => RECORDS_REMEMBERED_MAX,
    () => 1,
  );
}
