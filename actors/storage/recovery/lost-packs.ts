/**
 * Packs that somebody has removed, moved or cut: they are gone, or shorter than the catalog knows. A volume that has lost some
 * while no node looked at it is looked through as a whole instead (`volume-set.ts`).
 *
 * The catalog is all that knows what was in them, so it stays, and their records count as unreadable: the objects are named,
 * putting them again heals them, and a file that is put back is served. A pack that is gone keeps its number, in a state
 * without records, until nothing that is live needs it.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import {
  type CatalogEntry,
  hasLost,
  isGone,
  isLostAt,
  type PackState,
} from "#actors/storage/catalog/catalog-records.ts";
import { recordsIn } from "#actors/storage/catalog/catalog-walk.ts";
import { isBadPlace, type PackFile, type PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { HOME_SLOT, slotOf } from "#actors/storage/packs/pack-number.ts";
import { type OnUnreadable, readFront } from "#actors/storage/packs/pack-scan.ts";
import { align, recordEnd } from "#actors/storage/packs/record.ts";
import { RecordCheck, type RecordCheckDeps } from "#actors/storage/packs/record-check.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, must, ok, type Result } from "#runtime/errors.ts";
import type { Log } from "#runtime/telemetry/log.ts";

/** Sealed packs that are asked of which store they are, where some are gone. */
export const FRONTS_ASKED_MAX = 64;
/** Records that are read of what is back between two writes of the catalog. */
const READS_REMEMBERED = 64;

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
  /** From then on nothing is concluded: another life finds again what is left. */
  readonly isOver: () => boolean;
}

export type TakeBackDeps = LossDeps & RecordCheckDeps;

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
      .filter(({ state, sizeBytes }) => sizeBytes === undefined || isShort(state, sizeBytes)),
  );
}

/** One that was cut to nothing has nothing more to lose. */
function isShort({ checkpoint, isCut }: PackState, sizeBytes: number): boolean {
  return align(sizeBytes) < checkpoint && !(isCut === true && checkpoint === PACK_FRONT_BYTES);
}

/** False for a pack that was made and never committed to: after a crash it may not even have its header. */
export function hadRecords({ state }: LostPack): boolean {
  return state.checkpoint > PACK_FRONT_BYTES;
}

/**
 * Whether nothing that is left has another mark than the catalog knows: then it is of these packs, and knows what was lost. A
 * front that cannot be read, or has rotted, says nothing. Where none says anything the catalog stays: without it what was lost
 * is forgotten for good, and what it says wrongly is found out by whoever reads it. All that recovery may write to are asked,
 * and of those that are sealed so many that a start is not long.
 */
export async function isOfTheirStore(files: PackFiles, catalog: Catalog): Promise<boolean> {
  const listed = must(await files.list([HOME_SLOT]), "the packs can be listed");
  const left = listed.flatMap(({ pack, sizeBytes }) => {
    const known = catalog.packs.get(pack);
    return known === undefined || sizeBytes < PACK_FRONT_BYTES ? [] : [known];
  });
  const sealed = left.filter((state) => state.sealed);
  const every = Math.ceil(sealed.length / FRONTS_ASKED_MAX);
  const asked = [...left.filter((state) => !state.sealed), ...sealed.filter((_, at) => at % every === 0)];
  for (const { pack, ...known } of asked) {
    const { mark } = await readFront(files, pack, () => undefined);
    if (mark !== undefined && Buffer.compare(mark, known.mark) !== 0) return false;
  }
  return true;
}

/**
 * From now on these packs are gone, or end with the last record that is left of them. What they have lost is marked. Where that
 * ends in the middle they are known as back: gone again for the next life, or taken back with the marks that there are.
 */
export async function settleLost(lost: readonly LostPack[], deps: LossDeps): Promise<void> {
  const { catalog, isOver, log } = deps;
  const hadSome = lost.filter(hadRecords);
  const begun = new Map(lost.map(({ state }) => [state.pack, state]));
  for (const { state } of hadSome) {
    const back = { ...state, epoch: 0, sealed: false, isBack: true };
    begun.set(state.pack, back);
    catalog.setPack(back);
  }
  const { ends } = await remains(hadSome, deps, () => true);
  if (isOver()) return;
  for (const { state, sizeBytes } of lost) {
    // It was given up meanwhile.
    if (catalog.packs.get(state.pack) !== begun.get(state.pack)) continue;
    if (sizeBytes === undefined) setGone(state, catalog);
    else setCut(state, ends, catalog);
  }
  if (hadSome.length === 0) return;
  const lostBytes = hadSome.reduce((sum, { state, sizeBytes = 0 }) => sum + state.checkpoint - sizeBytes, 0);
  const packs = hadSome.map(({ state }) => state.pack);
  log.error("packs are gone, or shorter than they were", { packCount: packs.length, lostBytes, packs });
}

/** To be called when what it held is marked. It keeps its number. */
export function setGone(state: PackState, catalog: Catalog): void {
  if (state.checkpoint === PACK_FRONT_BYTES && state.isCut !== true) catalog.removePack(state.pack);
  else catalog.setPack({ ...state, checkpoint: PACK_FRONT_BYTES, sealed: true, isBack: false });
}

/** The next recovery looks through all that is left of it. */
function setCut(state: PackState, ends: ReadonlyMap<number, number>, catalog: Catalog): void {
  const checkpoint = ends.get(state.pack) ?? PACK_FRONT_BYTES;
  catalog.setPack({ ...state, checkpoint, epoch: 0, sealed: false, isCut: true, isBack: false });
}

/**
 * What was gone, or cut off, and is there, counts again with the recovery that is next, and until that has ended the pack says that
 * it is to be looked through: it may be away again. A file that was away is what it was, and scrubbed first. One that was cut, or
 * has no front, may have been lengthened since with anything: what it had lost is read before it counts, as is what seemed to
 * differ, which may be for want of the file. A pack that is another stays what it is: gone.
 */
export async function takeBack(slot: number, deps: TakeBackDeps): Promise<Result<void, DiskFailure>> {
  const { catalog, files, isOver, log } = deps;
  const lossy = new Map([...catalog.packs].filter(([pack, state]) => slotOf(pack) === slot && hasLost(state)));
  if (lossy.size === 0) return ok();
  const listed = await files.list([slot]);
  if (!listed.ok) return listed;
  const found: LostPack[] = [];
  const frontless = new Set<number>();
  // Of what is refused for a moment nothing is concluded.
  let failure: DiskFailure | undefined;
  const onUnreadable: OnUnreadable = (unread) => {
    if (!isBadPlace(unread)) failure ??= unread;
  };
  for (const { pack, sizeBytes, isFile } of listed.value) {
    const state = lossy.get(pack);
    if (isOver()) return ok();
    if (state === undefined || !isFile || !isThereAgain(state, sizeBytes)) continue;
    const { mark } = await readFront(files, pack, onUnreadable);
    if (mark === undefined) frontless.add(pack);
    else if (Buffer.compare(mark, state.mark) !== 0) continue;
    found.push({ state: mark === undefined ? { ...state, isCut: true } : state, sizeBytes });
  }
  if (failure !== undefined) return fail(failure);
  const cut = new Set(found.flatMap(({ state }) => (state.isCut === true ? [state.pack] : [])));
  // What is lost without a mark is known by the state of its pack alone, and an attempt that makes another of that may end in the
  // middle: where there is no room to mark what has to be read, the pack stays gone.
  const { unmarked } = await remains(found, deps, (_digest, { pack, position }) => {
    return !cut.has(pack) || !isLostAt(lossy.get(pack), position);
  });
  const back = found.filter(({ state }) => !unmarked.has(state.pack));
  if (back.length === 0 || isOver()) return ok();
  for (const { state, sizeBytes } of back) setBack(state, sizeBytes ?? 0, catalog);
  const check = new RecordCheck(deps);
  let readCount = 0;
  const holds: RecordCheck["holds"] = async (digest, entry) => {
    readCount += 1;
    // A start that takes too long is ended: the next one goes on behind what is remembered.
    if (readCount % READS_REMEMBERED === 0) await catalog.flush();
    return await check.holds(digest, entry);
  };
  const { ends, short } = await remains(back, deps, async (digest, entry) => {
    const { damage, pack, position } = entry;
    const wasLost = damage !== "none" || isLostAt(lossy.get(pack), position);
    if (!wasLost || failure !== undefined) return true;
    const isTrusted = damage !== "differs" && !cut.has(pack);
    const held = isTrusted ? ok(true) : await holds(digest, entry);
    if (!held.ok) onUnreadable(held.failure, pack, position);
    if (!held.ok || !held.value) return damage === "differs";
    const now = catalog.at(digest, entry);
    // What was read meanwhile, and found otherwise, is not what counts as it was.
    const mayLift = now !== undefined && (!isTrusted || now.damage === damage);
    if (mayLift && catalog.hasRoomToSpare) catalog.insert(digest, { ...now, damage: "none" });
    return true;
  });
  if (failure !== undefined) return fail(failure);
  if (isOver()) return ok();
  for (const { state } of back) {
    if (short.has(state.pack) || frontless.has(state.pack)) setCut(state, ends, catalog);
  }
  log.info("packs are back", { packs: back.map(({ state }) => state.pack) });
  return ok();
}

function isThereAgain(state: PackState, sizeBytes: number): boolean {
  return state.isBack === true ? !isShort(state, sizeBytes) : sizeBytes > state.checkpoint;
}

function setBack(state: PackState, sizeBytes: number, catalog: Catalog): void {
  catalog.setVerified(state.pack, 0);
  catalog.setPack({ ...state, checkpoint: align(sizeBytes), epoch: 0, sealed: false, isBack: true });
}

interface Remains {
  /** Of each pack, where the last record ends that is left of it. */
  readonly ends: ReadonlyMap<number, number>;
  /** Those that lack something. */
  readonly short: ReadonlySet<number>;
  /** Those of which there was no room to mark all of that. What lies behind the ends is known to be lost all the same. */
  readonly unmarked: ReadonlySet<number>;
}

/** Marks what these packs lack: what does not lie before their ends, or is not left by what is asked. A part of it where it is over. */
async function remains(
  packs: readonly LostPack[],
  { catalog, isOver, pause }: LossDeps,
  isLeft: (digest: Digest, entry: CatalogEntry) => boolean | Promise<boolean>,
): Promise<Remains> {
  const sizes = new Map(packs.map(({ state, sizeBytes = 0 }) => [state.pack, sizeBytes]));
  const ends = new Map<number, number>();
  const short = new Set<number>();
  const unmarked = new Set<number>();
  if (packs.length === 0) return { ends, short, unmarked };
  for await (const { digest, entry } of recordsIn(catalog, pause, (pack) => sizes.has(pack), isOver)) {
    const { pack } = entry;
    if (isBefore(sizes, entry) && (await isLeft(digest, entry))) {
      ends.set(pack, Math.max(ends.get(pack) ?? 0, recordEnd(entry.position, entry)));
    } else {
      short.add(pack);
      if (catalog.hasRoomToSpare) catalog.markDamaged(digest, entry, "unreadable");
      else unmarked.add(pack);
    }
    await catalog.room();
  }
  return { ends, short, unmarked };
}

/** Whether it lies whole in what is left of its pack. */
function isBefore(ends: ReadonlyMap<number, number>, entry: CatalogEntry): boolean {
  return entry.position + entry.payloadOffset + entry.payloadBytes <= (ends.get(entry.pack) ?? 0);
}

function sizesOf(listed: readonly PackFile[]): ReadonlyMap<number, number> {
  return new Map(listed.map(({ pack, sizeBytes }) => [pack, sizeBytes]));
}
