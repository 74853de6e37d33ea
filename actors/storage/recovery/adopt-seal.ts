/** Takes a sealed pack's own word for what it holds, so that a rebuild need not read it. */
import type { Digest } from "#actors/domain/address.ts";
import type { CatalogEntry, PackState } from "#actors/storage/catalog/catalog-records.ts";
import { isBadPlace, type PackFiles } from "#actors/storage/packs/pack-files.ts";
import { decodeSealEntry, SEAL_ENTRY_BYTES, type SealEntry } from "#actors/storage/packs/pack-format.ts";
import { type OnUnreadable, readSeal } from "#actors/storage/packs/pack-scan.ts";
import type { RecordCheck } from "#actors/storage/packs/record-check.ts";
import { readSealTable } from "#actors/storage/packs/sealer.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { type EnteringDeps, enterLasting } from "#actors/storage/recovery/lasting-commit.ts";
import { must } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

export interface AdoptSealDeps extends EnteringDeps {
  readonly files: PackFiles;
  readonly check: RecordCheck;
  readonly cpu: Pick<Cpu, "hasher">;
  readonly pause: Pause;
  readonly onUnreadable: OnUnreadable;
  /** Hears of what nothing can go on without. Where it returns, nothing that is answered is of use. */
  readonly onFailure: OnUnreadable;
}

/**
 * Enters in the catalog all that the pack's table lists, and answers with the pack as it is now; undefined if it is not
 * sealed, or if its table is damaged or cannot be read.
 */
export async function adoptSeal(
  pack: number,
  mark: Uint8Array,
  sizeBytes: number,
  deps: AdoptSealDeps,
): Promise<PackState | undefined> {
  const { files, catalog, cpu, pause, onUnreadable, onFailure } = deps;
  const footer = await readSeal(files, pack, mark, sizeBytes, onUnreadable);
  if (footer === undefined) return undefined;
  const { tablePosition, entryCount, tableDigest } = footer;
  const hasher = cpu.hasher();
  const table = readSealTable(files, pack, tablePosition, entryCount, onUnreadable);
  for await (const bytes of table) hasher.update(bytes);
  if (Buffer.compare(hasher.digest(), tableDigest) !== 0) return undefined;

  // A part of it must not pass for all of it.
  const tableAgain = readSealTable(files, pack, tablePosition, entryCount, onFailure);
  for await (const bytes of tableAgain) {
    for (let at = 0; at < bytes.length; at += SEAL_ENTRY_BYTES) {
      await adoptEntry(pack, decodeSealEntry(bytes.subarray(at, at + SEAL_ENTRY_BYTES)), deps);
      await pause.ifDue();
    }
    must(await catalog.room(), "the catalog fits into memory while its store refuses it");
  }
  return { pack, mark, checkpoint: sizeBytes, epoch: 0, recordCount: entryCount, sealed: true };
}

async function adoptEntry(pack: number, listed: SealEntry, deps: AdoptSealDeps): Promise<void> {
  const { catalog, onEntering } = deps;
  const { digest, object, objectBytes, isTransient, ...where } = listed;
  const entry: CatalogEntry = { ...where, pack, damage: "none" };
  const { sequence } = entry;
  const commit = { sequence, manifest: digest, object, sizeBytes: objectBytes, isTransient };
  if (sequence > 0 && enterLasting(commit, entry, deps)) return;
  if (!(await supersedes(digest, entry, deps))) return;
  if (sequence === 0) return catalog.insert(digest, entry);
  onEntering(commit, pack);
  catalog.insertCommit(commit, entry);
}

/** Of two records of one digest: the newer commit, and otherwise the one that is not damaged. Damage stays known. */
async function supersedes(
  digest: Digest,
  entry: CatalogEntry,
  { catalog, check, onFailure }: AdoptSealDeps,
): Promise<boolean> {
  const other = catalog.beside(digest, entry);
  if (other === undefined) return true;
  const isSame = other.pack === entry.pack && other.position === entry.position;
  if (other.damage !== "none") return !isSame;
  if (entry.sequence > 0 || other.sequence > 0) return entry.sequence >= other.sequence;
  if (isSame) return false;
  const held = await check.holds(digest, other);
  if (held.ok) return !held.value;
  if (isBadPlace(held.failure)) return true;
  onFailure(held.failure, other.pack, other.position);
  return false;
}
