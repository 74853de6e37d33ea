/** Overlay over the real index and a storage of memory, on one machine, with manual time. */

import assert from "node:assert/strict";
import { type Address, addressOf } from "#actors/domain/address.ts";
import type { ByteRange } from "#actors/domain/byte-range.ts";
import { indexBehavior } from "#actors/index/actor.ts";
import type { IndexProtocol, NameTotals } from "#actors/index/protocol.ts";
import { overlayBehavior } from "#actors/overlay/actor.ts";
import type { OverlayConfig } from "#actors/overlay/config.ts";
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import type { StorageProtocol } from "#actors/storage/protocol.ts";
import { type ByteSource, ENDED } from "#runtime/byte-source.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import { createHasher } from "#runtime/pool/blake3.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { CallOptions, Ref } from "#runtime/ref.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { asSource } from "#runtime/whole-source.ts";
import { smallIndexConfig } from "#test/actors/index/start-index.ts";
import { digest, FakeStorage, fakeStorageBehavior } from "#test/actors/overlay/fake-storage.ts";
import { type Started, startActor, testMachine } from "#test/kit/actor.ts";
import { sourceOver } from "#test/kit/byte-source.ts";

export const within: CallOptions = { timeoutMs: 1000 };

export const smallOverlayConfig: OverlayConfig = {
  callTimeoutMs: 500,
  putProgressTimeoutMs: 500,
  retryPauseMsMax: 10,
  nodeCacheBytesMax: 0,
  feedPageEntriesMax: 2,
  feedIntervalMs: 10_000,
  feedBackoffMsMin: 100,
  feedBackoffMsMax: 1000,
};

type Answer = Result<unknown, Failure>;

/** A ref that can answer in the place of its actor, and keeps what was called. */
export class Probe {
  /** Names and requests of calls, oldest first. */
  readonly calls: string[] = [];
  readonly requests: unknown[] = [];
  readonly #answers: Map<string, (() => Answer | Promise<Answer>)[]> = new Map();
  readonly #after: Map<string, () => void> = new Map();

  /** The next calls `name` are answered with these instead of reaching the actor. */
  answer(name: string, ...failures: readonly Failure[]): void {
    for (const failure of failures) this.instead(name, () => ({ ok: false, failure }));
  }

  instead(name: string, run: () => Answer | Promise<Answer>): void {
    this.#answers.set(name, [...(this.#answers.get(name) ?? []), run]);
  }

  /** Once, when the actor has answered the next call `name`, before the caller learns of it. */
  after(name: string, run: () => void): void {
    this.#after.set(name, run);
  }

  over<P extends Protocol<P>>(ref: Ref<P>): Ref<P> {
    const call = async (name: string, request: unknown, options: CallOptions): Promise<unknown> => {
      this.calls.push(name);
      this.requests.push(request);
      const scripted = this.#answers.get(name)?.shift();
      if (scripted !== undefined) return scripted();
      const answer = await ref.call(name as never, request as never, options);
      const run = this.#after.get(name);
      this.#after.delete(name);
      run?.();
      return answer;
    };
    return {
      name: ref.name,
      call: call as Ref<P>["call"],
      cast: (name, request) => ref.cast(name, request),
      monitor: (onDown) => ref.monitor(onDown),
    };
  }
}

export interface StartedOverlay extends Started<OverlayProtocol> {
  readonly storage: Started<StorageProtocol>;
  readonly index: Started<IndexProtocol>;
  readonly fake: FakeStorage;
  readonly toStorage: Probe;
  readonly toIndex: Probe;
}

export interface OverlayOptions {
  readonly config?: Partial<OverlayConfig>;
  readonly fake?: FakeStorage;
  /** Before overlay starts. */
  readonly prepare?: (probes: { readonly toStorage: Probe; readonly toIndex: Probe }) => void;
}

/** Settles when the first round of feeding is over, if it succeeds. */
export async function startOverlay({
  config,
  fake = new FakeStorage(),
  prepare,
}: OverlayOptions = {}): Promise<StartedOverlay> {
  const machine = testMachine();
  const room = { machine, capacity: 256, laterMax: 64 };
  const stores = memoryKvStores();
  const storage = await startActor(fakeStorageBehavior, fake, room);
  const index = await startActor(
    indexBehavior,
    {
      config: { current: smallIndexConfig },
      kv: stores,
      disk: new MemoryDisk(),
      metrics: machine.metrics,
      directory: "/data/index",
      namesDirectory: "/data/names",
    },
    room,
  );
  const toStorage = new Probe();
  const toIndex = new Probe();
  prepare?.({ toStorage, toIndex });
  const overlay = await startActor(
    overlayBehavior,
    {
      config: { current: { ...smallOverlayConfig, ...config } },
      storage: toStorage.over(storage.ref),
      index: toIndex.over(index.ref),
      hasher: createHasher,
      metrics: machine.metrics,
    },
    room,
  );
  await machine.clock.settle();
  return { ...overlay, storage, index, fake, toStorage, toIndex };
}

/** Moves time by `ms` and lets all that follows happen, also what the dispatcher puts off to a macrotask. */
export async function pass({ clock }: Pick<StartedOverlay, "clock">, ms: number): Promise<void> {
  await clock.advance(ms);
  for (let round = 0; round < 4; round += 1) {
    await new Promise<void>((resume) => setImmediate(resume));
    await clock.settle();
  }
}

/** What a reader of `body` gets, with a buffer of `bufferBytes`. */
export async function readAll(
  body: ByteSource | Uint8Array,
  bufferBytes = 65_536,
): Promise<{ readonly bytes: Buffer; readonly failure: Failure | undefined }> {
  const source = asSource(body);
  const parts: Uint8Array[] = [];
  const into = new Uint8Array(bufferBytes);
  let count = await source.read(into);
  for (; count > 0; count = await source.read(into)) parts.push(into.slice(0, count));
  assert.equal(await source.read(into), count, "after the end, every read answers the same");
  assert.equal(source.failure === undefined, count === ENDED);
  return { bytes: Buffer.concat(parts), failure: source.failure };
}

/** Of what is not ciphertext. */
export function addressIn({ address }: { readonly address: Address | undefined }): Address {
  assert(address !== undefined, "it has an address");
  return address;
}

/** The whole way of a get that must be answered. */
export async function getBytes(
  { ref }: Pick<StartedOverlay, "ref">,
  address: Address,
  range?: ByteRange,
  bufferBytes?: number,
): Promise<{ readonly bytes: Buffer; readonly failure: Failure | undefined }> {
  const got = await ref.call("get", { address, range }, within);
  assert(got.ok, JSON.stringify(got));
  return readAll(got.value.body, bufferBytes);
}

/** Of nothing that anybody has. */
export const unknown: Address = addressOf(digest(Buffer.from("nobody has this")));

/** An overlay over a storage that holds one object, which the index knows. */
export async function stored(bytes: Buffer, cuts: readonly number[] = []): Promise<StartedOverlay> {
  const overlay = await startOverlay();
  overlay.fake.store(bytes, cuts);
  // The next round of feeding tells the index.
  await pass(overlay, 10_000);
  return overlay;
}

export async function failureOf(
  overlay: StartedOverlay,
  name: "get" | "stat",
  address: Address = unknown,
): Promise<unknown> {
  const got = await overlay.ref.call(name, { address }, within);
  return got.ok ? "answered" : got.failure;
}

/** A source over `bytes`, `pieceBytes` a read; with `failure` it fails instead of ending. */
export function sourceOf(bytes: Uint8Array, pieceBytes: number = bytes.length, failure?: Failure): ByteSource {
  const failAt = failure === undefined ? undefined : bytes.length;
  return sourceOver(bytes, { pieceBytes: () => pieceBytes, failAt, failure: failure ?? { code: "test.never" } });
}

/** Bytes that differ from place to place and from `seed` to `seed`. */
export function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, word = seed; at < length; at += 1) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = word >>> 24;
  }
  return bytes;
}

/** What index says of names where there are none. */
export const noNames: NameTotals = { nameCount: 0, recordCount: 0, frozenCount: 0 };
