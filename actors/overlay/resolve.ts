/**
 * Which manifest answers for an address: the one that index heard of last, and where storage says that this one is gone,
 * the one that lasts.
 */
import type { Address, Digest } from "#actors/domain/address.ts";
import type { StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import type { IndexRebuilding, ResolvedEntry } from "#actors/index/protocol.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import type { ObjectUnknown, OverlayUnavailable } from "#actors/overlay/protocol.ts";
import type { Below } from "#actors/overlay/put.ts";
import type { ManifestNotFound, ObjectRemoved } from "#actors/storage/protocol.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export type Gone = ManifestNotFound | ObjectRemoved;

type Unresolved = ObjectUnknown | IndexRebuilding | StorageJournalDamaged | OverlayUnavailable;

export function isGone(failure: Failure): failure is Gone {
  return failure.code === "storage.removed" || failure.code === "storage.manifest-not-found";
}

/**
 * Answers as `attempt` does with a manifest that is not gone. Where all are, the object is unknown, unless storage has nothing
 * of one that was to last: then that is the answer, and whoever asked for bytes calls it damage. One whose time is over
 * storage may have forgotten.
 */
export async function withResolved<Value, Refused extends Failure>(
  below: Below,
  address: Address,
  within: Within,
  attempt: (root: Digest) => Promise<Result<Value, Refused>>,
): Promise<Result<Value, Exclude<Refused, Gone> | ManifestNotFound | Unresolved>> {
  const entry = await resolve(below, address, within);
  if (!entry.ok) return entry;
  const { lasting, manifest } = entry.value;
  const unknown = fail<ObjectUnknown>({ code: "overlay.unknown", address });
  for (const root of new Set([manifest, lasting ?? manifest])) {
    const outcome = await attempt(root);
    if (outcome.ok) return outcome;
    const { failure } = outcome;
    if (!isGone(failure)) return fail(failure as Exclude<Refused, Gone>);
    if (root === lasting) return failure.code === "storage.manifest-not-found" ? fail(failure) : unknown;
  }
  return unknown;
}

async function resolve(below: Below, address: Address, within: Within): Promise<Result<ResolvedEntry, Unresolved>> {
  const { index, storage } = below;
  const options = optionsOf(below, within);
  const entry = await ask(below, within, () => index.call("resolve", { address }, options));
  if (entry.ok) return entry;
  const { failure } = entry;
  if (failure.code === "index.unknown") return fail({ code: "overlay.unknown", address });
  if (failure.code !== "index.rebuilding") return fail(failure);
  // Index is told nothing more while storage cannot say what was removed: waiting is of no use then.
  const page = await storage.call("listManifests", { after: undefined, limit: 1 }, options);
  return fail(!page.ok && page.failure.code === "storage.journal-damaged" ? page.failure : failure);
}
