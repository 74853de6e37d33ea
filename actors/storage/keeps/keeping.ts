/**
 * What is done to objects beside putting and reading them: they are removed and restored, pinned and let go.
 *
 * All of it is idempotent, and durable when answered. A put that was answered before is covered by a removal, one that
 * comes after is not: a removal names the last sequence that was given out.
 */
import { type Address, type Digest, digestOf, parseAddress } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { Commit } from "#actors/storage/catalog/catalog-records.ts";
import type { Sequences } from "#actors/storage/catalog/sequences.ts";
import {
  type Covered,
  coveredWith,
  covers,
  type Fate,
  FOR_EVER,
  fateOf,
  graveOf,
  holdsUntil,
  isBuried,
  isHeldByPut,
  type Keep,
  NO_KEEP,
  type Removal,
  restored,
} from "#actors/storage/keeps/keep.ts";
import { type KeepName, keepNameOf } from "#actors/storage/keeps/keep-codec.ts";
import type { KeepFailure, Keeps } from "#actors/storage/keeps/keeps.ts";
import { readTrash } from "#actors/storage/keeps/trash-page.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type {
  CommittedManifest,
  HeldObject,
  ListedManifest,
  ManifestNotFound,
  NotInTrash,
  ObjectRemoved,
  RemovedName,
  StorageProtocol,
} from "#actors/storage/protocol.ts";
import type { Clock } from "#runtime/clock.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { ReplyOf } from "#runtime/protocol.ts";

export interface KeepingDeps {
  readonly catalog: Catalog;
  readonly keeps: Keeps;
  readonly sequences: Pick<Sequences, "last">;
  readonly clock: Clock;
  readonly pause: Pause;
  readonly trashMs: () => number;
}

/** Objects whose keeps change at once, while many do. */
const CHANGES_AT_ONCE = 256;

const NOT_IN_TRASH: NotInTrash = { code: "storage.not-in-trash" };

/** A removal that can be taken back, and what the commit that comes back asked for. */
type Restorable = Pick<Commit, "isTransient"> & { readonly removal: Removal };

/** Which graves are asked for. */
export interface GravesAsked {
  /** Removed by then, ms since 1970. */
  readonly beforeMs: number;
  readonly belowPack: number;
  readonly countMax: number;
}

/** What a put under way has pinned. */
interface PinAhead {
  readonly name: KeepName;
  readonly untilMs: number;
}

export class Keeping {
  readonly #deps: KeepingDeps;
  /** Whoever lets go of the object meanwhile does not speak of what is not there yet. */
  readonly #ahead = new Set<PinAhead>();

  constructor(deps: KeepingDeps) {
    this.#deps = deps;
  }

  fateOf(commit: Commit): Fate {
    return this.#deps.keeps.fateOf(keepNameOf(commit), commit);
  }

  /** Whether the commit holds its object until then, without anybody doing more. */
  holdsUntil(commit: Commit, untilMs: number): boolean {
    const { keeps } = this.#deps;
    const name = keepNameOf(commit);
    return !keeps.isInDoubt(name) && holdsUntil(commit, keeps.get(name), untilMs);
  }

  /** What a manifest was committed for, also where that was removed. */
  find(root: Digest): Result<CommittedManifest, ManifestNotFound> {
    const commit = this.#deps.catalog.commitOf(root);
    if (commit === undefined) return fail({ code: "storage.manifest-not-found", root });
    return ok(describe(keepNameOf(commit), commit));
  }

  /** The same of what was not removed, with what its put asked for. */
  findHeld(root: Digest): Result<ListedManifest, ManifestNotFound | ObjectRemoved> {
    const commit = this.#deps.catalog.commitOf(root);
    if (commit === undefined) return fail({ code: "storage.manifest-not-found", root });
    const fate = this.fateOf(commit);
    if (fate === "removed" || fate === "buried") return fail({ code: "storage.removed", root });
    return ok(this.describeHeld(commit));
  }

  readonly describeHeld = (commit: Commit): ListedManifest => ({
    ...describe(keepNameOf(commit), commit),
    isTransient: !this.#deps.keeps.isHeldByPut(commit),
  });

  /**
   * Of a commit that is about to be written, with the next sequence: it stands for the one that it replaces too, so that who
   * put the object without an end still holds it (STO-118). Also where a removal is in doubt: that covers neither of them.
   */
  isTransient(manifest: Digest, keepUntilMs: number): boolean {
    if (keepUntilMs >= FOR_EVER) return false;
    const { catalog, keeps } = this.#deps;
    const replaced = catalog.commitOf(manifest);
    return replaced === undefined || !isHeldByPut(replaced, keeps.get(keepNameOf(replaced)));
  }

  /** Answers with until when it can be restored. */
  async remove({ manifest }: HeldObject): Promise<Result<number, KeepFailure | ManifestNotFound>> {
    const { catalog, keeps, sequences, trashMs } = this.#deps;
    const commit = catalog.commitOf(manifest);
    if (commit === undefined) return fail({ code: "storage.manifest-not-found", root: manifest });
    const name = keepNameOf(commit);
    const { sizeBytes } = commit;
    const removed = await keeps.change(name, (keep): Result<Keep, ManifestNotFound> => {
      if (keep.removal !== undefined && isBuried(commit, keep.removal)) {
        return fail({ code: "storage.manifest-not-found", root: manifest });
      }
      // Also where it is removed: there may be another commit, of another manifest, or in a place that cannot be read now.
      const all = { upTo: sequences.last, lastingUpTo: sequences.last };
      return ok({ ...this.#removed(keep, manifest, sizeBytes, all), pinnedUntilMs: this.#aheadOf(name) });
    });
    return removed.ok ? ok((keeps.get(name)?.removal?.atMs ?? 0) + trashMs()) : removed;
  }

  /** Answers false where somebody holds it after all. */
  async removeLoose(commit: Commit): Promise<Result<boolean, KeepFailure>> {
    const { clock, keeps } = this.#deps;
    const { manifest, sizeBytes } = commit;
    const adopted = await this.#adoptPin(commit);
    if (!adopted.ok) return adopted;
    const removed = await keeps.change(keepNameOf(commit), (keep) => {
      const isLoose = fateOf(commit, keep, clock.wallMs()) === "loose";
      return ok(isLoose ? this.#removed(keep, manifest, sizeBytes, coveredWith(commit, keep)) : keep);
    });
    return removed.ok ? ok(this.fateOf(commit) === "removed") : removed;
  }

  /** What `restore` would bring back. */
  findRemoved(removed: RemovedName): Result<ListedManifest, NotInTrash> {
    const name = this.#nameOfRemoved(removed);
    const found = this.#removalOf(this.#deps.keeps.get(name));
    return found.ok ? ok(listed(name, found.value)) : found;
  }

  async restore(removed: RemovedName): Promise<Result<ListedManifest, KeepFailure | NotInTrash>> {
    const name = this.#nameOfRemoved(removed);
    let there: ListedManifest | undefined;
    const changed = await this.#deps.keeps.change(name, (keep): Result<Keep, NotInTrash> => {
      const found = this.#removalOf(keep);
      if (!found.ok) return found;
      there = listed(name, found.value);
      // Whoever restores it wants it, with all its manifests, and whatever their puts have asked for.
      return ok({ ...NO_KEEP, removal: restored(found.value.removal), pinnedUntilMs: FOR_EVER });
    });
    if (!changed.ok) return changed;
    return there === undefined ? fail(NOT_IN_TRASH) : ok(there);
  }

  #removalOf(keep: Keep | undefined): Result<Restorable, NotInTrash> {
    const removal = keep?.removal;
    const commit = removal === undefined ? undefined : this.#deps.catalog.commitOf(removal.manifest);
    if (removal === undefined || commit === undefined || removal.buriedUpToPack > 0) return fail(NOT_IN_TRASH);
    // A later commit of the same manifest may be in a place that cannot be read now.
    if (isBuried(commit, removal)) return fail(NOT_IN_TRASH);
    return ok({ isTransient: commit.isTransient, removal });
  }

  /** At least until then; `untilMs` undefined: until it is let go. Answers until when it is held by now. */
  async pin(
    held: HeldObject,
    untilMs: number = FOR_EVER,
  ): Promise<Result<{ readonly untilMs: number | undefined }, KeepFailure | ManifestNotFound | ObjectRemoved>> {
    let heldUntilMs = untilMs;
    const pinned = await this.#changeHeld(held, (keep, commit) => {
      const isHeldAnyway = isHeldByPut(commit, keep);
      const pinnedUntilMs = Math.max(keep.pinnedUntilMs, untilMs);
      heldUntilMs = isHeldAnyway ? FOR_EVER : pinnedUntilMs;
      return isHeldAnyway && untilMs === FOR_EVER ? keep : { ...keep, pinnedUntilMs };
    });
    return pinned.ok ? ok({ untilMs: heldUntilMs === FOR_EVER ? undefined : heldUntilMs }) : pinned;
  }

  /** What is to be held for a time is pinned before `put` puts it there: it is never there without what holds it. */
  async pinWhile<Outcome>(
    commit: Pick<Commit, "object" | "manifest">,
    untilMs: number,
    put: () => Promise<Outcome>,
  ): Promise<Result<Outcome, KeepFailure>> {
    if (untilMs >= FOR_EVER) return ok(await put());
    const ahead = { name: keepNameOf(commit), untilMs };
    this.#ahead.add(ahead);
    try {
      const pinned = await this.pinAhead(commit, untilMs);
      return pinned.ok ? ok(await put()) : pinned;
    } finally {
      this.#ahead.delete(ahead);
    }
  }

  /** Whatever becomes of its put: the object of that name is held until then, at least. */
  async pinAhead(commit: Pick<Commit, "object" | "manifest">, untilMs: number): Promise<Result<void, KeepFailure>> {
    return await this.#deps.keeps.change(keepNameOf(commit), (keep) =>
      ok(keep.pinnedUntilMs >= untilMs ? keep : { ...keep, pinnedUntilMs: untilMs }),
    );
  }

  async unpin(held: HeldObject): Promise<Result<void, KeepFailure | ManifestNotFound | ObjectRemoved>> {
    const { sequences } = this.#deps;
    return await this.#changeHeld(held, (keep, commit) => {
      return { ...keep, pinnedUntilMs: this.#aheadOf(keepNameOf(commit)), unpinnedUpTo: sequences.last };
    });
  }

  /** Until when puts under way have pinned it. */
  #aheadOf(name: KeepName): number {
    return Math.max(0, ...[...this.#ahead].map((ahead) => (ahead.name === name ? ahead.untilMs : 0)));
  }

  /** A page begins behind the object that is named `after`; where that is gone, at the start. */
  async listTrash(after: string | undefined, limit: number): Promise<ReplyOf<StorageProtocol, "listTrash">> {
    const { keeps, pause, trashMs } = this.#deps;
    const { page, next } = await readTrash(keeps, after, limit, pause);
    const entries = page.map(([name, { atMs: removedAtMs, manifest, sizeBytes }]) => {
      const restorableUntilMs = removedAtMs + trashMs();
      return { address: addressNamed(name), manifest, sizeBytes, removedAtMs, restorableUntilMs };
    });
    return { entries, next };
  }

  /** Gives up what was removed before `beforeMs`, for good. Answers with how many it were. */
  async bury(beforeMs: number, lastPack: () => number): Promise<Result<number, KeepFailure>> {
    const { keeps, pause } = this.#deps;
    const due = new Map<KeepName, Removal>();
    for (const [name, { removal }] of keeps.entries()) {
      if (removal?.buriedUpToPack === 0 && removal.atMs <= beforeMs) due.set(name, removal);
      await pause.ifDue();
    }
    // What is removed from here on, perhaps of a younger pack, waits for the next time.
    const buriedUpToPack = Math.max(1, lastPack());
    const buried = await this.#changeEach([...due.keys()], (keep, name) => {
      const { removal } = keep;
      if (removal?.buriedUpToPack !== 0 || !isSame(removal, due.get(name))) return keep;
      return { ...keep, removal: { ...removal, buriedUpToPack, grave: undefined } };
    });
    return buried.ok ? ok(due.size) : buried;
  }

  /** Forgets what says nothing any more: pins that are over, and graves whose packs are all gone. */
  async tidy(firstPack: number): Promise<Result<void, KeepFailure>> {
    const { clock, keeps, pause } = this.#deps;
    const due: KeepName[] = [];
    for (const [name, keep] of keeps.entries()) {
      if (tidied(keep, clock.wallMs(), firstPack) !== keep) due.push(name);
      await pause.ifDue();
    }
    return await this.#changeEach(due, (keep) => tidied(keep, clock.wallMs(), firstPack));
  }

  /** Removals that are final, and older, and speak of no pack from that number on. */
  async graves({ beforeMs, belowPack, countMax }: GravesAsked): Promise<Map<KeepName, Removal>> {
    const { keeps, pause } = this.#deps;
    const graves = new Map<KeepName, Removal>();
    for (const [name, { removal }] of keeps.entries()) {
      if (graves.size >= countMax) break;
      const upToPack = removal?.buriedUpToPack ?? 0;
      if (removal !== undefined && upToPack > 0 && upToPack < belowPack && removal.atMs <= beforeMs)
        graves.set(name, removal);
      await pause.ifDue();
    }
    return graves;
  }

  /** Forgets removals that nothing is left of. */
  async forget(graves: ReadonlyMap<KeepName, Removal>): Promise<Result<void, KeepFailure>> {
    return await this.#changeEach([...graves.keys()], (keep, name) =>
      isSame(keep.removal, graves.get(name)) ? { ...keep, removal: undefined } : keep,
    );
  }

  /** Objects that something is known of. */
  get count(): number {
    return this.#deps.keeps.count;
  }

  /** Many at once, so that they share the syncs of the journal. Those for which `change` answers with the same stay. */
  async #changeEach(
    names: readonly KeepName[],
    change: (keep: Keep, name: KeepName) => Keep,
  ): Promise<Result<void, KeepFailure>> {
    const { keeps } = this.#deps;
    for (let from = 0; from < names.length; from += CHANGES_AT_ONCE) {
      const some = names.slice(from, from + CHANGES_AT_ONCE);
      const changed = await Promise.all(some.map((name) => keeps.change(name, (keep) => ok(change(keep, name)))));
      for (const one of changed) if (!one.ok) return one;
    }
    return ok();
  }

  async #changeHeld(
    { manifest }: HeldObject,
    change: (keep: Keep, commit: Commit) => Keep,
  ): Promise<Result<void, KeepFailure | ManifestNotFound | ObjectRemoved>> {
    const { catalog, keeps } = this.#deps;
    const commit = catalog.commitOf(manifest);
    if (commit === undefined) return fail({ code: "storage.manifest-not-found", root: manifest });
    const adopted = await this.#adoptPin(commit);
    if (!adopted.ok) return adopted;
    return await keeps.change(keepNameOf(commit), (keep): Result<Keep, ObjectRemoved> => {
      const isRemoved = keep.removal !== undefined && covers(keep.removal, commit);
      return isRemoved ? fail({ code: "storage.removed", root: manifest }) : ok(change(keep, commit));
    });
  }

  /** A journal may have a pin by the root of what has an address, from when that held nothing. It is the object's. */
  async #adoptPin(commit: Commit): Promise<Result<void, KeepFailure>> {
    const { clock, keeps } = this.#deps;
    const byRoot = keepNameOf({ ...commit, object: undefined });
    const untilMs = commit.object === undefined ? 0 : (keeps.get(byRoot)?.pinnedUntilMs ?? 0);
    if (untilMs <= clock.wallMs()) return ok();
    const pinned = await this.pinAhead(commit, untilMs);
    return pinned.ok ? await keeps.change(byRoot, () => ok(NO_KEEP)) : pinned;
  }

  #nameOfRemoved(removed: RemovedName): KeepName {
    if ("address" in removed) return `o${digestOf(removed.address)}`;
    return keepNameOf(this.#deps.catalog.commitOf(removed.root) ?? { object: undefined, manifest: removed.root });
  }

  /** Of what was said of the object before, only what was buried matters. */
  #removed({ removal }: Keep, manifest: Digest, sizeBytes: number, covered: Covered): Keep {
    const atMs = this.#deps.clock.wallMs();
    return {
      ...NO_KEEP,
      removal: { ...covered, atMs, manifest, sizeBytes, buriedUpToPack: 0, grave: removal && graveOf(removal) },
    };
  }
}

/** Whether nobody has changed it since it was looked at. */
function isSame(removal: Removal | undefined, seen: Removal | undefined): boolean {
  return (
    removal?.upTo === seen?.upTo &&
    removal?.lastingUpTo === seen?.lastingUpTo &&
    removal?.atMs === seen?.atMs &&
    removal?.buriedUpToPack === seen?.buriedUpToPack
  );
}

function listed(name: KeepName, { isTransient, removal }: Restorable): ListedManifest {
  return { ...describe(name, removal), isTransient };
}

function describe(name: KeepName, { manifest, sizeBytes }: Pick<Removal, "manifest" | "sizeBytes">): CommittedManifest {
  return { address: addressNamed(name), manifest, sizeBytes };
}

function addressNamed(name: KeepName): Address | undefined {
  return name.startsWith("o") ? parseAddress(`b3:${name.slice(1)}`) : undefined;
}

/** The same where there is nothing to tidy. */
function tidied(keep: Keep, nowMs: number, firstPack: number): Keep {
  const { pinnedUntilMs, removal } = keep;
  const isOver = pinnedUntilMs > 0 && pinnedUntilMs <= nowMs;
  const isGone = removal !== undefined && removal.buriedUpToPack > 0 && removal.buriedUpToPack < firstPack;
  if (!isOver && !isGone) return keep;
  return { ...keep, pinnedUntilMs: isOver ? 0 : pinnedUntilMs, removal: isGone ? undefined : removal };
}
