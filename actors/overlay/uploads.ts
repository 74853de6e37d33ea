/** Uploads in pieces: storage keeps them; what they become is made findable before anybody is told of it. */
import type { AppendUpload, UploadFacts } from "#actors/domain/upload.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import { makeFindable } from "#actors/overlay/findable.ts";
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import { type Below, WatchedSource } from "#actors/overlay/put.ts";
import { isGone } from "#actors/overlay/resolve.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { FailureOf, RequestOf } from "#runtime/protocol.ts";
import type { Within } from "#runtime/ref.ts";

type Answer<Name extends keyof OverlayProtocol, Reply = UploadFacts> = Promise<
  Result<Reply, FailureOf<OverlayProtocol, Name>>
>;
type Asked<Name extends keyof OverlayProtocol> = RequestOf<OverlayProtocol, Name>;

export function beginUpload(below: Below, request: Asked<"beginUpload">, within: Within): Answer<"beginUpload"> {
  const options = optionsOf(below, within);
  return ask(below, within, () => below.storage.call("beginUpload", request, options));
}

/** As with a put, the wait is one for progress. */
export function appendUpload(below: Below, request: AppendUpload, within: Within): Answer<"appendUpload"> {
  const source = new WatchedSource(request.source);
  const timeoutMs = below.config.current.putProgressTimeoutMs;
  return ask(
    below,
    within,
    () => below.storage.call("appendUpload", { ...request, source }, { timeoutMs, within, whenFull: "wait" }),
    () => !source.wasRead,
  );
}

export async function statUpload(below: Below, request: Asked<"statUpload">, within: Within): Answer<"statUpload"> {
  const { timeoutMs, ...rest } = optionsOf(below, within);
  const options = { ...rest, timeoutMs: timeoutMs + request.waitMs };
  const facts = await ask(below, within, () => below.storage.call("statUpload", request, options));
  const stored = facts.ok ? facts.value.stored : undefined;
  if (stored === undefined) return facts;
  const { address, manifest, sizeBytes } = stored;
  // Ciphertext is asked for by its manifest, which storage finds by itself.
  if (address === undefined) return facts;
  const found = await below.turns.inTurn(address, async () => {
    const held = await ask(below, within, () =>
      below.storage.call("findHeld", { root: manifest }, optionsOf(below, within)),
    );
    // Who has removed it since has told index to forget it.
    if (!held.ok) return isGone(held.failure) ? ok() : fail(held.failure);
    const { isTransient } = held.value;
    return await makeFindable(below, { address, manifest, sizeBytes, isTransient }, within);
  });
  return found.ok ? facts : found;
}

export function cancelUpload(
  below: Below,
  request: Asked<"cancelUpload">,
  within: Within,
): Answer<"cancelUpload", void> {
  return ask(below, within, () => below.storage.call("cancelUpload", request, optionsOf(below, within)));
}
