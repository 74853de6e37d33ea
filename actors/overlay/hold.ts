/**
 * What is done to objects beside putting and reading them. Storage decides and remembers; index is told what can be found.
 *
 * Who removes an object and who puts it take turns: else the removal could make a put unfindable that came after it. A removal
 * that index is not told of, because a crash comes between, storage refuses all the same.
 */

import type { StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import type { IndexRebuilding } from "#actors/index/protocol.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import type { Reading } from "#actors/overlay/get.ts";
import type {
  ObjectUnknown,
  OverlayProtocol,
  OverlayUnavailable,
  Target,
  TargetFailure,
} from "#actors/overlay/protocol.ts";
import { afterAll, recordEntry } from "#actors/overlay/put.ts";
import { resolve } from "#actors/overlay/resolve.ts";
import type { HeldObject, StorageProtocol } from "#actors/storage/protocol.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { FailureOf, ReplyOf } from "#runtime/protocol.ts";
import type { Within } from "#runtime/ref.ts";

export async function removeTarget(
  reading: Reading,
  target: Target,
  within: Within,
): Promise<Result<ReplyOf<OverlayProtocol, "remove">, TargetFailure>> {
  const { index, manifests, storage } = reading;
  const options = optionsOf(reading, within);
  const named =
    "address" in target ? ok(target) : await ask(reading, within, () => storage.call("findCommitted", target, options));
  if (!named.ok) return named;
  const { address } = named.value;
  const remove = async (): Promise<Result<ReplyOf<OverlayProtocol, "remove">, TargetFailure>> => {
    const held = await findHeld(reading, target, within);
    if (!held.ok) return held;
    const removed = await ask(reading, within, () => storage.call("removeObject", held.value, options));
    if (!removed.ok) return removed;
    const { restorableUntilMs } = removed.value;
    manifests.forget(held.value.manifest, address);
    if (address === undefined) return ok({ address, restorableUntilMs });
    reading.small.delete(address);
    const forgotten = await ask(reading, within, () => index.call("forget", { address }, options));
    return forgotten.ok ? ok({ address, restorableUntilMs }) : fail(afterAll(forgotten.failure));
  };
  return address === undefined ? await remove() : await reading.turns.inTurn(address, remove);
}

export async function restoreTarget(
  reading: Reading,
  target: Target,
  within: Within,
): Promise<Result<ReplyOf<OverlayProtocol, "restore">, FailureOf<OverlayProtocol, "restore">>> {
  const { storage, turns } = reading;
  const options = optionsOf(reading, within);
  const findRemoved = () => ask(reading, within, () => storage.call("findRemoved", target, options));
  const restoreObject = () => ask(reading, within, () => storage.call("restoreObject", target, options));
  if ("root" in target) {
    const removed = await findRemoved();
    if (!removed.ok) return removed;
    const { address } = removed.value;
    return address === undefined ? await restoreObject() : await restoreTarget(reading, { address }, within);
  }
  const { address } = target;
  return await turns.inTurn(address, async () => {
    const removed = await findRemoved();
    if (!removed.ok) return removed;
    // Index first: what is removed storage refuses whatever index says, but no round of the feeder would ever tell of a
    // commit that it has passed.
    const recorded = await recordEntry(reading, { ...removed.value, address }, within, true);
    return recorded.ok ? await restoreObject() : recorded;
  });
}

export async function pinTarget(
  reading: Reading,
  { target, untilMs }: { readonly target: Target; readonly untilMs?: number | undefined },
  within: Within,
): Promise<Result<void, TargetFailure>> {
  const held = await findHeld(reading, target, within);
  if (!held.ok) return held;
  const request = { ...held.value, untilMs };
  const options = optionsOf(reading, within);
  const pinned = await ask(reading, within, () => reading.storage.call("pinObject", request, options));
  return pinned.ok ? pinned : notHeld(target, pinned.failure);
}

export async function unpinTarget(
  reading: Reading,
  target: Target,
  within: Within,
): Promise<Result<void, TargetFailure>> {
  const held = await findHeld(reading, target, within);
  if (!held.ok) return held;
  const options = optionsOf(reading, within);
  const unpinned = await ask(reading, within, () => reading.storage.call("unpinObject", held.value, options));
  return unpinned.ok ? unpinned : notHeld(target, unpinned.failure);
}

/** Which manifest answers for it; by its root it is itself. */
async function findHeld(
  reading: Reading,
  target: Target,
  within: Within,
): Promise<Result<HeldObject, ObjectUnknown | IndexRebuilding | StorageJournalDamaged | OverlayUnavailable>> {
  if ("root" in target) return ok({ manifest: target.root });
  const entry = await resolve(reading, target.address, within);
  return entry.ok ? ok({ manifest: entry.value.manifest }) : entry;
}

/** Index has not heard of the removal yet. */
function notHeld(
  target: Target,
  failure: FailureOf<StorageProtocol, "unpinObject"> | OverlayUnavailable,
): Result<never, TargetFailure> {
  if (failure.code !== "storage.removed") return fail(failure);
  if ("address" in target) return fail({ code: "overlay.unknown", address: target.address });
  return fail({ code: "storage.manifest-not-found", root: target.root });
}
