/**
 * What is done to objects beside putting and reading them. Storage decides and remembers; index is told what can be found.
 *
 * Who removes an object and who puts it take turns: else the removal could make a put unfindable that came after it. A removal
 * that index is not told of, because a crash comes between, storage refuses all the same.
 */

import type { Address, Digest } from "#actors/domain/address.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import { makeFindable } from "#actors/overlay/findable.ts";
import type { Reading } from "#actors/overlay/get.ts";
import type { OverlayProtocol, RemovedObject, Target, TargetFailure } from "#actors/overlay/protocol.ts";
import { afterAll } from "#actors/overlay/put.ts";
import { type Gone, isGone, withResolved } from "#actors/overlay/resolve.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { FailureOf, ReplyOf } from "#runtime/protocol.ts";
import type { Within } from "#runtime/ref.ts";

export async function removeTarget(
  reading: Reading,
  target: Target,
  within: Within,
): Promise<Result<ReplyOf<OverlayProtocol, "remove">, TargetFailure>> {
  const { index, manifests, storage } = reading;
  const options = optionsOf(reading, within);
  return await inItsTurn<RemovedObject>(reading, target, within, async (address) => {
    const removed = await byManifest(reading, target, within, async (manifest) => {
      const outcome = await ask(reading, within, () => storage.call("removeObject", { manifest }, options));
      if (outcome.ok) manifests.forget(manifest);
      return outcome;
    });
    if (!removed.ok) return removed;
    const { restorableUntilMs } = removed.value;
    if (address === undefined) return ok({ address, restorableUntilMs });
    reading.small.delete(address);
    const forgotten = await ask(reading, within, () => index.call("forget", { address }, options));
    return forgotten.ok ? ok({ address, restorableUntilMs }) : fail(afterAll(forgotten.failure));
  });
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
    const recorded = await makeFindable(reading, { ...removed.value, address }, within, true);
    return recorded.ok ? await restoreObject() : recorded;
  });
}

/** Answers until when it is held; `untilMs` undefined: until it is let go. */
export async function pinTarget(
  reading: Reading,
  { target, untilMs }: { readonly target: Target; readonly untilMs?: number | undefined },
  within: Within,
): Promise<Result<ReplyOf<OverlayProtocol, "pin">, TargetFailure>> {
  const options = optionsOf(reading, within);
  return await byManifest(reading, target, within, (manifest) =>
    ask(reading, within, () => reading.storage.call("pinObject", { manifest, untilMs }, options)),
  );
}

export async function unpinTarget(
  reading: Reading,
  target: Target,
  within: Within,
): Promise<Result<void, TargetFailure>> {
  const { index, storage } = reading;
  const options = optionsOf(reading, within);
  return await inItsTurn(reading, target, within, async (address) => {
    const unpinned = await byManifest(reading, target, within, (manifest) =>
      ask(reading, within, () => storage.call("unpinObject", { manifest }, options)),
    );
    if (!unpinned.ok || address === undefined) return unpinned;
    // When storage has given it up, that is no damage.
    const loosened = await ask(reading, within, () => index.call("loosen", { address }, options));
    return loosened.ok ? loosened : fail(afterAll(loosened.failure));
  });
}

/** Of what has an address, in turn with all else that index hears of that. */
async function inItsTurn<Value>(
  reading: Reading,
  target: Target,
  within: Within,
  act: (address: Address | undefined) => Promise<Result<Value, TargetFailure>>,
): Promise<Result<Value, TargetFailure>> {
  const { storage, turns } = reading;
  const options = optionsOf(reading, within);
  const named =
    "address" in target ? ok(target) : await ask(reading, within, () => storage.call("findCommitted", target, options));
  if (!named.ok) return named;
  const { address } = named.value;
  return address === undefined ? await act(address) : await turns.inTurn(address, () => act(address));
}

/** By the manifest that answers for it; by its root it is that itself. */
async function byManifest<Value, Refused extends Failure>(
  reading: Reading,
  target: Target,
  within: Within,
  act: (manifest: Digest) => Promise<Result<Value, Refused>>,
): Promise<Result<Value, Exclude<Refused, Gone> | TargetFailure>> {
  if ("address" in target) return await withResolved(reading, target.address, within, act);
  const done = await act(target.root);
  if (done.ok) return done;
  const { failure } = done;
  if (isGone(failure)) return fail({ code: "storage.manifest-not-found", root: target.root });
  return fail(failure as Exclude<Refused, Gone>);
}
