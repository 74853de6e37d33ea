/**
 * What a put may refer to instead of writing it again.
 *
 * Normally the catalog's word is enough. As soon as some record is known to be damaged, others of its neighbourhood may
 * be that nobody has read yet, and a put that relied on them would heal nothing: from then on the record itself is read.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry, Damage, RecordPosition } from "#actors/storage/catalog/catalog-records.ts";
import { suffice } from "#actors/storage/catalog/holders.ts";
import { isBadPlace } from "#actors/storage/packs/pack-files.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import type { RecordCheck } from "#actors/storage/packs/record-check.ts";

export type OnDamaged = (digest: Digest, where: RecordPosition, damage: Exclude<Damage, "none">) => void;

export interface KnownRecordsDeps {
  readonly catalog: Catalog;
  readonly check: RecordCheck;
  /** The record is not what was stored: from now on it is not known. */
  readonly onDamaged: OnDamaged;
}

export class KnownRecords {
  readonly #deps: KnownRecordsDeps;

  constructor(deps: KnownRecordsDeps) {
    this.#deps = deps;
  }

  /** No damage is known: the catalog's word is enough. */
  get isTrusted(): boolean {
    return !this.#deps.catalog.hasDamage;
  }

  /** Whether there is an intact record of it. One that is found damaged here is reported, and not known any more. */
  async holds(kind: RecordKind, digest: Digest): Promise<boolean> {
    const { catalog, check, onDamaged } = this.#deps;
    if (!catalog.holds(kind, digest)) return false;
    if (this.isTrusted) return true;
    const proven: CatalogEntry[] = [];
    for (const entry of catalog.served(kind, digest)) {
      const held = await check.holds(digest, entry);
      if (held.ok && held.value) proven.push(entry);
      // Only a bad place on the disk is damage. For want of descriptors, say, it is merely not relied upon now.
      else if (held.ok || isBadPlace(held.failure)) onDamaged(digest, entry, held.ok ? "differs" : "unreadable");
      if (suffice(proven)) return true;
    }
    return false;
  }
}
