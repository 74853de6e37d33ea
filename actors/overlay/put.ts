/**
 * A put: storage keeps the object, then index learns of it. Only then is it acknowledged, because what is acknowledged
 * must be found. What has no address is found by its manifest, and index is not told of it.
 *
 * Between the two a failure leaves an object that is stored and not yet findable: the feeder makes it findable, and
 * putting it again does.
 */

import type { IndexProtocol } from "#actors/index/protocol.ts";
import { type AskSeams, ask } from "#actors/overlay/ask.ts";
import type { OverlayProtocol, PutReceipt } from "#actors/overlay/protocol.ts";
import type { PutObject, StorageProtocol } from "#actors/storage/protocol.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { FailureOf } from "#runtime/protocol.ts";
import type { Ref, Within } from "#runtime/ref.ts";

export interface Below extends AskSeams {
  readonly storage: Ref<StorageProtocol>;
  readonly index: Ref<IndexProtocol>;
}

export async function putObject(
  below: Below,
  request: PutObject,
  within: Within,
): Promise<Result<PutReceipt, FailureOf<OverlayProtocol, "put">>> {
  const { storage, index, config } = below;
  const source = new WatchedSource(request.source);
  const stored = await ask(
    below,
    within.signal,
    () => {
      const timeoutMs = config.current.putProgressTimeoutMs;
      return storage.call("putObject", { ...request, source }, { timeoutMs, within, whenFull: "wait" });
    },
    () => !source.wasRead,
  );
  if (!stored.ok) return stored;

  const { address, manifest, sizeBytes, chunkCount, known } = stored.value;
  const receipt = { address, manifest, sizeBytes, chunkCount, known };
  // Ciphertext is asked for by its manifest, which storage finds by itself.
  if (address === undefined) return ok(receipt);
  const recorded = await ask(below, within.signal, () => {
    const timeoutMs = config.current.callTimeoutMs;
    return index.call(
      "record",
      { entries: [{ address, manifest, sizeBytes }] },
      { timeoutMs, within, whenFull: "wait" },
    );
  });
  if (!recorded.ok) {
    const { failure } = recorded;
    const cause = failure.code === "overlay.unavailable" ? failure.cause : failure.code;
    // Whatever became of the record, storage has acted.
    return fail({ code: "overlay.unavailable", cause, executed: "maybe" });
  }
  return ok(receipt);
}

/** Knows whether somebody began to read: a source that was begun cannot be given to a second call. */
class WatchedSource implements ByteSource {
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
