/**
 * A put: storage keeps the object, then index learns of it. Only then is it acknowledged, because what is acknowledged
 * must be found. What has no address is found by its manifest, and index is not told of it.
 *
 * Between the two a failure leaves an object that is stored and not yet findable: the feeder makes it findable, and
 * putting it again does.
 */

import type { Address } from "#actors/domain/address.ts";
import type { IndexEntry, IndexProtocol } from "#actors/index/protocol.ts";
import { type AskSeams, ask } from "#actors/overlay/ask.ts";
import type { OverlayProtocol, OverlayUnavailable, PutReceipt } from "#actors/overlay/protocol.ts";
import type { Told } from "#actors/overlay/told.ts";
import type { PutObject, StorageProtocol } from "#actors/storage/protocol.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { FailureOf } from "#runtime/protocol.ts";
import type { Ref, Within } from "#runtime/ref.ts";
import type { Turns } from "#runtime/turns.ts";

export interface Below extends AskSeams {
  readonly storage: Ref<StorageProtocol>;
  readonly index: Ref<IndexProtocol>;
  /** Of those who put an object and those who remove it, in what index hears. */
  readonly turns: Turns<Address>;
  /** Of those who set one name. */
  readonly nameTurns: Turns<string>;
  /** By those who put, for the feeder. */
  readonly told: Told;
}

export async function putObject(
  below: Below,
  request: PutObject,
  within: Within,
): Promise<Result<PutReceipt, FailureOf<OverlayProtocol, "put">>> {
  const { storage, config } = below;
  const source = request.source instanceof Uint8Array ? request.source : new WatchedSource(request.source);
  const stored = await ask(
    below,
    within,
    () => {
      const timeoutMs = config.current.putProgressTimeoutMs;
      return storage.call("putObject", { ...request, source }, { timeoutMs, within, whenFull: "wait" });
    },
    () => source instanceof Uint8Array || !source.wasRead,
  );
  if (!stored.ok) return stored;

  const { address, manifest, sizeBytes, chunkCount, known } = stored.value;
  const receipt = { address, manifest, sizeBytes, chunkCount, known };
  // Ciphertext is asked for by its manifest, which storage finds by itself.
  if (address === undefined) return ok(receipt);
  const entry = { address, manifest, sizeBytes, isTransient: request.keepMs !== undefined };
  const recorded = await below.turns.inTurn(address, () => recordEntries(below, [entry], within));
  return recorded.ok ? ok(receipt) : recorded;
}

/** In that order, all or none. With `isDurable` no crash of index makes them unknown again. */
export async function recordEntries(
  below: Below,
  entries: readonly IndexEntry[],
  within: Within,
  isDurable: boolean = false,
): Promise<Result<void, OverlayUnavailable>> {
  const timeoutMs = below.config.current.callTimeoutMs;
  for (const entry of entries) below.told.note(entry);
  const recorded = await ask(below, within, () =>
    below.index.call("record", { entries, isDurable }, { timeoutMs, within, whenFull: "wait" }),
  );
  return recorded.ok ? recorded : fail(afterAll(recorded.failure));
}

/** What index failed with, where storage has acted: it may be done. */
export function afterAll(failure: Failure & { readonly cause?: string }): OverlayUnavailable {
  const cause = failure.code === "overlay.unavailable" ? (failure.cause ?? failure.code) : failure.code;
  return { code: "overlay.unavailable", cause, executed: "maybe" };
}

/** Knows whether somebody began to read: a source that was begun cannot be given to a second call. */
export class WatchedSource implements ByteSource {
  wasRead = false;
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get failure(): Failure | undefined {
    return this.#source.failure;
  }

  read(into: Uint8Array): Promise<number> {
    this.wasRead = true;
    return this.#source.read(into);
  }

  cancel(reason: Failure): void {
    this.#source.cancel(reason);
  }
}
