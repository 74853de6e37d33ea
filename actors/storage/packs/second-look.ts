/**
 * Reads again what the disk has refused: a cable, a controller or a network file system may be well again, and then nothing
 * is wrong with the record. Whoever asks for it meanwhile is refused at once, and served the next time.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import type { RecordCheck } from "#actors/storage/packs/record-check.ts";
import type { OnDamaged } from "#actors/storage/puts/known-records.ts";

/** Records that are read again at once. Further ones are when they are asked for the next time. */
export const SECOND_LOOKS_MAX = 8;

export interface SecondLookDeps {
  readonly catalog: Catalog;
  readonly check: RecordCheck;
  readonly onDamaged: OnDamaged;
  readonly onLifted: (digest: Digest) => void;
  readonly onDefect: (defect: unknown) => void;
}

export class SecondLook {
  readonly #deps: SecondLookDeps;
  readonly #underWay = new Map<Digest, Promise<void>>();

  constructor(deps: SecondLookDeps) {
    this.#deps = deps;
  }

  /** Of a chunk. Does nothing for one that differs: that is for good. */
  begin(digest: Digest, entry: CatalogEntry): void {
    if (entry.damage !== "unreadable") return;
    if (this.#underWay.size >= SECOND_LOOKS_MAX || this.#underWay.has(digest)) return;
    const looking = this.#look(digest, entry).catch(this.#deps.onDefect);
    this.#underWay.set(
      digest,
      looking.then(() => void this.#underWay.delete(digest)),
    );
  }

  /** None is under way any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  /** It was read whole, and holds. Without room to write that down it is found again. */
  lift(digest: Digest, entry: CatalogEntry): void {
    const { catalog, onLifted } = this.#deps;
    if (entry.damage !== "unreadable" || !catalog.hasRoomToSpare) return;
    if (catalog.lift(digest, entry)) onLifted(digest);
  }

  async #look(digest: Digest, entry: CatalogEntry): Promise<void> {
    const held = await this.#deps.check.holds(digest, entry);
    if (!held.ok) return;
    if (held.value) this.lift(digest, entry);
    else this.#deps.onDamaged(digest, entry, "differs");
  }
}
