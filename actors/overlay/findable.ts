/**
 * Makes findable what storage keeps, without hiding what is held: for those who come after others, the feeder with what it
 * learnt before, who restores what was removed, and who asks again what became of an upload.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { IndexEntry } from "#actors/index/protocol.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import type { OverlayUnavailable } from "#actors/overlay/protocol.ts";
import { type Below, recordEntries } from "#actors/overlay/put.ts";
import { isGone } from "#actors/overlay/resolve.ts";
import type { StorageNotReady } from "#actors/storage/protocol.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

type Outcome<Value> = Result<Value, StorageNotReady | OverlayUnavailable>;

/** To be called in the turn of the address. With `isDurable` no crash of index makes it unknown again. */
export async function makeFindable(
  below: Below,
  entry: IndexEntry,
  within: Within,
  isDurable: boolean = false,
): Promise<Outcome<void>> {
  const entries = await missingOf(below, entry, within);
  if (!entries.ok) return entries;
  return entries.value.length > 0 || isDurable ? await recordEntries(below, entries.value, within, isDurable) : ok();
}

/** What index is to be told, of which the last one is found first. */
async function missingOf(below: Below, entry: IndexEntry, within: Within): Promise<Outcome<readonly IndexEntry[]>> {
  const { address, isTransient, manifest } = entry;
  const known = await ask(below, within, () => below.index.call("resolve", { address }, optionsOf(below, within)));
  if (!known.ok) return known.failure.code === "overlay.unavailable" ? fail(known.failure) : ok([entry]);
  const { lasting, sizeBytes } = known.value;
  if (known.value.manifest === manifest) return ok(isTransient || lasting === manifest ? [] : [entry]);
  const isHeld = await isThere(below, known.value.manifest, within);
  if (!isHeld.ok) return isHeld;
  if (!isHeld.value) return ok([entry]);
  if (isTransient || lasting === manifest) return ok([]);
  const lasts = lasting === undefined ? ok(false) : await isThere(below, lasting, within);
  if (!lasts.ok) return lasts;
  // Both, all or none: what lasts is to be found when the time of the other is over, and that one until then.
  return ok(lasts.value ? [] : [entry, { address, manifest: known.value.manifest, sizeBytes, isTransient: true }]);
}

async function isThere(below: Below, root: Digest, within: Within): Promise<Outcome<boolean>> {
  const held = await ask(below, within, () => below.storage.call("findHeld", { root }, optionsOf(below, within)));
  if (held.ok) return ok(true);
  const { failure } = held;
  return isGone(failure) ? ok(false) : fail(failure);
}
