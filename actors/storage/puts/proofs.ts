/**
 * What one put may refer to instead of writing it again. While damage is known the catalog's word is not enough: then only
 * what was read for this very put counts, and what could not be read does not.
 *
 * What it has said may be referred to is in use until `close`: it is not collected meanwhile.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { InUse } from "#actors/storage/collection/in-use.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import type { KnownRecords } from "#actors/storage/puts/known-records.ts";

export class Proofs {
  readonly #catalog: Catalog;
  readonly #known: KnownRecords;
  readonly #inUse: InUse;
  /** Read and found whole. At most the links of one object, or of one batch. */
  readonly #proven = { chunk: new Set<Digest>(), manifest: new Set<Digest>() };
  readonly #held = { chunk: new Set<Digest>(), manifest: new Set<Digest>() };

  constructor(catalog: Catalog, known: KnownRecords, inUse: InUse) {
    this.#catalog = catalog;
    this.#known = known;
    this.#inUse = inUse;
  }

  /** Whether it may be referred to; reads it, at most once, where it has to. */
  async seek(kind: RecordKind, digest: Digest): Promise<boolean> {
    if (!this.#known.isTrusted && !this.#proven[kind].has(digest) && (await this.#known.holds(kind, digest))) {
      this.#proven[kind].add(digest);
    }
    return this.has(kind, digest);
  }

  /** Whether it may be referred to, as far as that is known by now. */
  has(kind: RecordKind, digest: Digest): boolean {
    if (!this.#catalog.holds(kind, digest)) return false;
    if (!this.#known.isTrusted && !this.#proven[kind].has(digest)) return false;
    this.hold(kind, digest);
    return true;
  }

  /** It is about to be written, and in use from now on. */
  hold(kind: RecordKind, digest: Digest): void {
    if (this.#held[kind].has(digest)) return;
    this.#held[kind].add(digest);
    this.#inUse.hold(kind, digest);
  }

  /** This put has written it. */
  prove(kind: RecordKind, digest: Digest): void {
    this.#proven[kind].add(digest);
  }

  /** The put is over, and what it has committed is in the catalog. Idempotent. */
  close(): void {
    for (const kind of ["chunk", "manifest"] as const) {
      for (const digest of this.#held[kind]) this.#inUse.letGo(kind, digest);
      this.#held[kind].clear();
    }
  }
}
