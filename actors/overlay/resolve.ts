/** Which manifest answers for an address, by what index says. */
import type { Address } from "#actors/domain/address.ts";
import type { StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import type { IndexEntry, IndexRebuilding } from "#actors/index/protocol.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import type { ObjectUnknown, OverlayUnavailable } from "#actors/overlay/protocol.ts";
import type { Below } from "#actors/overlay/put.ts";
import { fail, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export async function resolve(
  below: Below,
  address: Address,
  within: Within,
): Promise<Result<IndexEntry, ObjectUnknown | IndexRebuilding | StorageJournalDamaged | OverlayUnavailable>> {
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
