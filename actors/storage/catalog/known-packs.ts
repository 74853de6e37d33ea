/** The packs that the catalog knows, and what they have lost. */
import {
  type CatalogEntry,
  hasLost,
  isLostAt,
  type PackState,
  type RecordPosition,
} from "#actors/storage/catalog/catalog-records.ts";

export class KnownPacks {
  readonly #states = new Map<number, PackState>();
  readonly #lossy = new Set<number>();
  #bytes = 0;

  get states(): ReadonlyMap<number, PackState> {
    return this.#states;
  }

  /** Of all of them, up to their checkpoints. */
  get bytes(): number {
    return this.#bytes;
  }

  set(state: PackState): void {
    const { checkpoint, pack } = state;
    this.#bytes += checkpoint - (this.#states.get(pack)?.checkpoint ?? 0);
    this.#states.set(pack, state);
    if (hasLost(state)) this.#lossy.add(pack);
    else this.#lossy.delete(pack);
  }

  delete(pack: number): void {
    this.#bytes -= this.#states.get(pack)?.checkpoint ?? 0;
    this.#states.delete(pack);
    this.#lossy.delete(pack);
  }

  isLost({ pack, position }: Pick<RecordPosition, "pack" | "position">): boolean {
    return this.#lossy.has(pack) && isLostAt(this.#states.get(pack), position);
  }

  /** What is lost is unreadable, also where there was no room to mark it. */
  asTheyAre(records: readonly CatalogEntry[]): readonly CatalogEntry[] {
    if (this.#lossy.size === 0) return records;
    const asItIs = (record: CatalogEntry): CatalogEntry =>
      record.damage === "none" && this.isLost(record) ? { ...record, damage: "unreadable" } : record;
    return records.map(asItIs);
  }
}
