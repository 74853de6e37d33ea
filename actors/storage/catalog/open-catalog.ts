/** Where the catalog is kept: in a store on the disk, or in memory while the disk has no room for one. */
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { isMetaKey } from "#actors/storage/catalog/catalog-records.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { HOME_SLOT } from "#actors/storage/packs/pack-number.ts";
import { hasOtherMarks } from "#actors/storage/recovery/contradiction.ts";
import { findLost, hadRecords, isOfTheirStore } from "#actors/storage/recovery/lost-packs.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { must, type Result } from "#runtime/errors.ts";
import type { KvBroken, KvStores } from "#runtime/kv/kv.ts";
import { openOrSpare, type SpareKv } from "#runtime/kv/spare-kv.ts";
import type { Scope } from "#runtime/scope.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { GiB, MiB } from "#runtime/units.ts";

/** Bound of the catalog's file; a hundred million records are some 16 GiB. */
export const CATALOG_MAP_BYTES_MAX: number = 64 * GiB;
/** Bound of a catalog in memory, keys and values: a million records, which take twice as much of the heap. */
export const CATALOG_MEMORY_BYTES_MAX: number = 64 * MiB;
export interface OpenCatalogDeps {
  /** The catalog is `catalog` in it. */
  readonly directory: string;
  readonly disk: Disk;
  readonly kv: KvStores;
  readonly log: Log;
  /** Closes what was opened. */
  readonly scope: Pick<Scope, "add">;
}

/**
 * The catalog's store; one that cannot be opened, or is not of these packs, is thrown away: it is only a cache. On a disk
 * without room for a new one it is in memory.
 */
export async function openCatalog(
  deps: OpenCatalogDeps,
  files: PackFiles,
): Promise<{ readonly kv: SpareKv; readonly catalog: Catalog }> {
  const { disk, log } = deps;
  const opened = await openStore(deps);
  if (opened.ok) {
    const catalog = new Catalog(opened.value, (pack) => files.isThere(pack));
    // A volume that contradicts it is looked at anew by itself.
    const lost = must(await findLost(files, catalog, [HOME_SLOT]), "the packs can be listed");
    const isForeign = lost.some(hadRecords)
      ? !(await isOfTheirStore(files, catalog))
      : await hasOtherMarks(files, catalog, [HOME_SLOT]);
    const isUnfinished = !catalog.complete && opened.value.count() > 0;
    if (!isForeign && !isUnfinished) return { kv: opened.value, catalog };
    await opened.value.close();
    log.warn("catalog thrown away", { isForeign, isUnfinished });
  } else log.warn("catalog thrown away", { failure: opened.failure });
  must(await disk.removeTree(pathOfCatalog(deps)), "a damaged catalog can be removed");
  const fresh = must(await openStore(deps), "a new catalog can be opened");
  return { kv: fresh, catalog: new Catalog(fresh, (pack) => files.isThere(pack)) };
}

async function openStore(deps: OpenCatalogDeps): Promise<Result<SpareKv, KvBroken>> {
  const opened = await openOrSpare({
    stores: deps.kv,
    disk: deps.disk,
    directory: pathOfCatalog(deps),
    mapBytesMax: CATALOG_MAP_BYTES_MAX,
    memoryBytesMax: CATALOG_MEMORY_BYTES_MAX,
    isLast: isMetaKey,
  });
  // Whatever comes next may fail: a store that stays open cannot be opened by the next incarnation.
  if (opened.ok) deps.scope.add(() => opened.value.close());
  return opened;
}

export function pathOfCatalog({ directory }: Pick<OpenCatalogDeps, "directory">): string {
  return `${directory}/catalog`;
}
