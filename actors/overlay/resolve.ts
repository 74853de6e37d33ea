/** Which manifest answers for an address, by what index says, and where another one lasts, by what storage has of it. */
import type { Address, Digest } from "#actors/domain/address.ts";
import type { StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import type { IndexRebuilding } from "#actors/index/protocol.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import type { ObjectUnknown, OverlayUnavailable } from "#actors/overlay/protocol.ts";
import type { Below } from "#actors/overlay/put.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export interface ResolvedObject {
  readonly manifest: Digest;
  readonly sizeBytes: number;
}

export async function resolve(
  below: Below,
  address: Address,
  within: Within,
): Promise<Result<ResolvedObject, ObjectUnknown | IndexRebuilding | StorageJournalDamaged | OverlayUnavailable>> {
  const { index, storage } = below;
  const options = optionsOf(below, within);
  const entry = await ask(below, within, () => index.call("resolve", { address }, options));
  if (entry.ok) {
    const { lasting, manifest, sizeBytes } = entry.value;
    const isOther = lasting !== undefined && lasting !== manifest && !(await isThere(below, manifest, within));
    return ok({ manifest: isOther ? lasting : manifest, sizeBytes });
  }
  const { failure } = entry;
  if (failure.code === "index.unknown") return fail({ code: "overlay.unknown", address });
  if (failure.code !== "index.rebuilding") return fail(failure);
  // Index is told nothing more while storage cannot say what was removed: waiting is of no use then.
  const page = await storage.call("listManifests", { after: undefined, limit: 1 }, options);
  return fail(!page.ok && page.failure.code === "storage.journal-damaged" ? page.failure : failure);
}

/** Of an object that is held for a time, whether that is over: then a collection removes it, and gives it up. */
async function isThere(below: Below, root: Digest, within: Within): Promise<boolean> {
  const { storage } = below;
  const options = optionsOf(below, within);
  const held = await ask(below, within, () => storage.call("isHeld", { root }, options));
  if (!held.ok || !held.value) return false;
  const committed = await ask(below, within, () => storage.call("findCommitted", { root }, options));
  return committed.ok;
}
