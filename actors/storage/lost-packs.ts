/**
 * Packs that somebody has removed, moved or cut: they are gone, or shorter than the catalog knows. A volume that has lost some
 * while no node looked at it is looked through as a whole instead (`volume-set.ts`).
 *
 * The catalog is all that knows what was in them, so it stays, and their records count as unreadable: the objects are named,
 * putting them again heals them, and a file that is put back is served. A pack that is gone keeps its number, in a state
 * without records, until nothing that is live needs it.
 */
import type { Catalog } from "#actors/storage/catalog.ts";
import type { CatalogEntry, PackState } from "#actors/storage/catalog-records.ts";
import type { PackFile, PackFiles } from "#actors/storage/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/pack-format.ts";
import { HOME_SLOT, slotOf } from "#actors/storage/pack-number.ts";
import { readFront } from "#actors/storage/pack-scan.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { align } from "#actors/storage/record.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { must, ok, type Result } from "#runtime/errors.ts";
import type { Log } from "#runtime/telemetry/log.ts";

export interface LostPack {
  /** As the catalog has it. */
  readonly state: PackState;
  /** What is left of the file; undefined where it is gone. */
  readonly sizeBytes: number | undefined;
}

export interface LossDeps {
  readonly catalog: Catalog;
  readonly log: Log;
  readonly pause: Pick<Pause, "ifDue">;
}

/** Its file is gone, and its records are marked. A pack that has nothing in it is never sealed otherwise. */
export function isGone({ checkpoint, sealed }: Pick<PackState, "checkpoint" | "sealed">): boolean {
  return sealed && checkpoint === PACK_FRONT_BYTES;
}

/** Something that is known of it may not be there any more. */
export function hasLost(state: Pick<PackState, "checkpoint" | "sealed" | "isCut">): boolean {
  return state.isCut === true || isGone(state);
}

/** Those of these slots whose files are gone, or shorter than the catalog knows. */
export async function findLost(
  files: PackFiles,
  catalog: Catalog,
  slots: readonly number[],
): Promise<Result<readonly LostPack[], DiskFailure>> {
  const known = [...catalog.packs.values()].filter(({ pack }) => slots.includes(slotOf(pack)) && files.isThere(pack));
  const listed = await files.list(slots);
  if (!listed.ok) return listed;
  const sizes = sizesOf(listed.value);
  // One that was given up meanwhile has no file any more.
  return ok(
    known
      .filter((state) => catalog.packs.has(state.pack) && !isGone(state))
      .map((state) => ({ state, sizeBytes: sizes.get(state.pack) }))
      .filter(({ state, sizeBytes }) => align(sizeBytes ?? 0) < state.checkpoint),
  );
}

/** False for a pack that was made and never committed to: after a crash it may not even have its header. */
export function hadRecords({ state }: LostPack): boolean {
  return state.checkpoint > PACK_FRONT_BYTES;
}

/**
 * Whether nothing that is left has another mark than the catalog knows: then it is of these packs, and knows what was lost. A
 * front that cannot be read, or has rotted, says nothing. Where none says anything the catalog stays: without it what was lost
 * is forgotten for good, and what it says wrongly is found out by whoever reads it.
 */
export async function isOfTheirStore(files: PackFiles, catalog: Catalog): Promise<boolean> {
  for (const { pack, sizeBytes } of must(await files.list([HOME_SLOT]), "the packs can be listed")) {
    const known = catalog.packs.get(pack);
    if (known === undefined || sizeBytes < PACK_FRONT_BYTES) continue;
    const { mark } = await readFront(files, pack, () => undefined);
    if (mark !== undefined && Buffer.compare(mark, known.mark) !== 0) return false;
  }
  return true;
}

/** Marks what was behind the end of these packs, and says how much it was. */
export async function markLost(lost: readonly LostPack[], { catalog, log, pause }: LossDeps): Promise<void> {
  if (lost.length === 0) return;
  const ends = new Map(lost.map(({ state, sizeBytes = 0 }) => [state.pack, sizeBytes]));
  for (const { digest, entry } of catalog.recordsIn((pack) => ends.has(pack))) {
    await pause.ifDue();
    if (isBefore(ends, entry)) continue;
    catalog.markDamaged(digest, entry, "unreadable");
    must(await catalog.room(), "the catalog fits into memory while its store refuses it");
  }
  const lostBytes = lost.reduce((sum, { state, sizeBytes = 0 }) => sum + state.checkpoint - sizeBytes, 0);
  const packs = lost.map(({ state }) => state.pack);
  log.error("packs are gone, or shorter than they were", { packCount: packs.length, lostBytes, packs });
}

/** To be called after `markLost`. */
export function setGone({ state }: LostPack, catalog: Catalog): void {
  if (state.checkpoint === PACK_FRONT_BYTES && state.isCut !== true) catalog.removePack(state.pack);
  else catalog.setPack({ ...state, checkpoint: PACK_FRONT_BYTES, sealed: true });
}

/** When a life begins: what is gone keeps its number, what is short is looked through by recovery, what is back counts again. */
export async function settleLost(lost: readonly LostPack[], files: PackFiles, deps: LossDeps): Promise<void> {
  const { catalog } = deps;
  must(await takeBack(HOME_SLOT, files, deps), "the packs can be listed");
  await markLost(lost, deps);
  for (const one of lost) {
    if (one.sizeBytes === undefined) setGone(one, catalog);
    else setCut(one.state, catalog);
  }
}

/** Recovery looks through what is left of it. */
function setCut(state: PackState, catalog: Catalog): void {
  const unread = { checkpoint: PACK_FRONT_BYTES, epoch: 0, recordCount: 0, sealed: false };
  catalog.setPack({ ...state, ...unread, isCut: true });
}

/** What was gone, or cut off, and is there, counts again with the recovery that is next. */
export async function takeBack(
  slot: number,
  files: PackFiles,
  { catalog, log, pause }: LossDeps,
): Promise<Result<void, DiskFailure>> {
  const lossy = [...catalog.packs.values()].filter((state) => slotOf(state.pack) === slot && hasLost(state));
  if (lossy.length === 0) return ok();
  const listed = await files.list([slot]);
  if (!listed.ok) return listed;
  const sizes = sizesOf(listed.value);
  const back = lossy.filter(({ pack, checkpoint }) => (sizes.get(pack) ?? 0) > checkpoint);
  const ends = new Map(back.map(({ pack }) => [pack, sizes.get(pack) ?? 0]));
  const short = new Set<number>();
  for (const { digest, entry } of catalog.recordsIn((pack) => ends.has(pack))) {
    await pause.ifDue();
    if (isBefore(ends, entry)) catalog.lift(digest, entry);
    else short.add(entry.pack);
    must(await catalog.room(), "the catalog fits into memory while its store refuses it");
  }
  for (const state of back) {
    if (short.has(state.pack)) setCut(state, catalog);
    // Recovery finds it as one that is not known.
    else catalog.removePack(state.pack);
  }
  if (back.length > 0) log.info("packs are back", { packs: [...ends.keys()] });
  return ok();
}

/** Whether it lies whole in what is left of its pack. */
function isBefore(ends: ReadonlyMap<number, number>, entry: CatalogEntry): boolean {
  return entry.position + entry.payloadOffset + entry.payloadBytes <= (ends.get(entry.pack) ?? 0);
}

function sizesOf(listed: readonly PackFile[]): ReadonlyMap<number, number> {
  return new Map(listed.map(({ pack, sizeBytes }) => [pack, sizeBytes]));
}
