/** Overlay as gateway sees it: objects in memory, failures on demand, and a look at what was asked. */
import type { Address, Digest } from "#actors/domain/address.ts";
import type { ByteRange } from "#actors/domain/byte-range.ts";
import type { UploadId } from "#actors/domain/upload.ts";
import type { ContentFacts, ObjectFacts, OverlayProtocol } from "#actors/overlay/protocol.ts";
import type { PutObject } from "#actors/storage/protocol.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { type Failure, fail, ok } from "#runtime/errors.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import type { CallOptions, Ref } from "#runtime/ref.ts";
import { asSource } from "#runtime/whole-source.ts";
import { appendUpload, beginUpload, type FakeUpload, statUpload } from "#test/actors/gateway/fake-uploads.ts";

export const manifestOf = (address: Address): Digest => address.slice(3).split("").reverse().join("") as Digest;

/** Delivers `bytes`, at most `pieceBytes` a read; fails after `failAfter` bytes with `failure`. */
export class MemorySource implements ByteSource {
  readonly #bytes: Uint8Array;
  readonly #pieceBytes: number;
  readonly #failing: { readonly afterBytes: number; readonly failure: Failure } | undefined;
  #at = 0;
  failure: Failure | undefined;
  ended = false;

  constructor(
    bytes: Uint8Array,
    pieceBytes: number = 64 * 1024,
    failing?: { readonly afterBytes: number; readonly failure: Failure },
  ) {
    this.#bytes = bytes;
    this.#pieceBytes = pieceBytes;
    this.#failing = failing;
  }

  read(into: Uint8Array): Promise<number> {
    if (this.failure !== undefined) return Promise.resolve(FAILED);
    if (this.#failing !== undefined && this.#at >= this.#failing.afterBytes) {
      this.failure = this.#failing.failure;
      return Promise.resolve(FAILED);
    }
    const limit = this.#failing === undefined ? this.#bytes.length : this.#failing.afterBytes;
    const count = Math.min(into.length, this.#pieceBytes, limit - this.#at);
    if (count === 0) {
      this.ended = true;
      return Promise.resolve(ENDED);
    }
    into.set(this.#bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return Promise.resolve(count);
  }

  cancel(reason: Failure): void {
    if (!this.ended) this.failure ??= reason;
  }
}

type Answers = { [N in keyof OverlayProtocol]?: Failure };

export class FakeOverlay implements Ref<OverlayProtocol> {
  readonly name = "overlay";
  readonly objects: Map<string, Uint8Array> = new Map();
  readonly calls: string[] = [];
  /** What the calls are answered with that do nothing to objects here, by name; and what they were asked. */
  readonly replies: Map<string, unknown> = new Map();
  readonly asked: unknown[] = [];
  readonly uploads: Map<UploadId, FakeUpload> = new Map();
  expiresWallMs: number = Date.UTC(2026, 0, 2);
  /** Complete uploads are not stored yet when they are asked for. */
  isStoringSlow = false;
  /** Bytes of each put that came whole; undefined of one that came as a source. */
  readonly wholes: (Uint8Array | undefined)[] = [];
  /** Of each put. */
  readonly chunkers: unknown[] = [];
  readonly keeps: unknown[] = [];
  readonly encs: unknown[] = [];
  readonly kinds: unknown[] = [];
  /** Set to make a call fail. */
  readonly failures: Answers = {};
  /** Set to give bytes at once, as overlay gives those of small objects. */
  givesWhole = false;
  /** Sources handed out, newest last. */
  readonly sources: MemorySource[] = [];
  /** Set to make sources fail. */
  failing: { readonly afterBytes: number; readonly failure: Failure } | undefined;
  /** Answers of `get` wait for it. */
  gate: Promise<void> | undefined;
  /** Bytes that uploads brought so far. */
  receivedBytes = 0;
  pieceBytes: number = 64 * 1024;

  add(bytes: Uint8Array): Address {
    const address = `b3:${Buffer.from(digestOf(bytes)).toString("hex")}` as Address;
    this.objects.set(address, bytes);
    return address;
  }

  // The protocol is checked where gateway calls; here one function answers all of it.
  call(name: string, request: unknown, options: CallOptions): Promise<never> {
    this.calls.push(name);
    return this.#answer(name, request as Record<string, unknown>, options) as Promise<never>;
  }

  cast(): "accepted" {
    return "accepted";
  }

  monitor(): () => void {
    return () => undefined;
  }

  async #answer(name: string, request: Record<string, unknown>, options: CallOptions): Promise<unknown> {
    const failure = this.failures[name as keyof Answers];
    if (failure !== undefined) return fail(failure);
    if (this.replies.has(name)) {
      this.asked.push(request);
      return ok(this.replies.get(name));
    }
    if (name === "put") {
      this.wholes.push(request["source"] instanceof Uint8Array ? request["source"] : undefined);
      this.chunkers.push(request["chunker"]);
      this.encs.push(request["enc"]);
      this.keeps.push(request["keepMs"]);
      this.kinds.push(request["kind"]);
    }
    if (name === "put") return await this.#put(request as never, options);
    if (name === "beginUpload") return beginUpload(this, request as never);
    if (name === "appendUpload") return await appendUpload(this, request as never);
    if (name === "statUpload") return statUpload(this, request as never);
    const upload = request["upload"] as UploadId;
    if (name === "cancelUpload") {
      return this.uploads.delete(upload) ? ok() : fail({ code: "storage.upload-unknown", upload });
    }
    if (name === "getManifest") return ok(Buffer.from(`manifest ${request["root"]}`));
    if (name === "describe") return ok({ storage: { chunkCount: 7 }, index: { entryCount: this.objects.size } });

    if (name === "putCar") return await this.#put(request as never, options);
    if (name === "getCar") return this.#getCar(request);

    await this.gate;
    const range = request["range"] as ByteRange | undefined;
    if (name === "getByRoot" || name === "statByRoot") {
      const root = request["root"] as Digest;
      const found = [...this.objects].find(([address]) => manifestOf(address as Address) === root);
      if (found === undefined) return fail({ code: "storage.manifest-not-found", root });
      const { address: _, ...facts } = factsOf(found[0] as Address, found[1]);
      return name === "statByRoot" ? ok(facts) : this.#get(facts, found[1], range);
    }
    const address = request["address"] as Address;
    const bytes = this.objects.get(address);
    if (bytes === undefined) return fail({ code: "overlay.unknown", address });
    const facts = factsOf(address, bytes);
    return name === "stat" ? ok(facts) : this.#get(facts, bytes, range);
  }

  #get(facts: ContentFacts, bytes: Uint8Array, range: ByteRange | undefined): unknown {
    const { sizeBytes } = facts;
    const unsatisfiable = { code: "overlay.range-unsatisfiable", sizeBytes } as const;
    let first = 0;
    let last = sizeBytes - 1;
    if (range !== undefined && "suffix" in range) {
      if (range.suffix === 0 || sizeBytes === 0) return fail(unsatisfiable);
      first = Math.max(0, sizeBytes - range.suffix);
    } else if (range !== undefined) {
      if (range.first >= sizeBytes) return fail(unsatisfiable);
      first = range.first;
      last = Math.min(last, range.last ?? last);
    }
    const part = bytes.subarray(first, last + 1);
    const extent = { firstByte: first, lengthBytes: part.length };
    if (this.givesWhole) return ok({ ...facts, ...extent, body: part });
    const source = new MemorySource(part, this.pieceBytes, this.failing);
    this.sources.push(source);
    return ok({ ...facts, ...extent, body: source });
  }

  /** What stands for a CAR here: the word, and the object where it is known by its address. */
  #getCar(wanted: Record<string, unknown>): unknown {
    const address = wanted["address"] as Address | undefined;
    const bytes = Buffer.concat([Buffer.from("car:"), this.objects.get(address ?? "") ?? Buffer.of()]);
    const source = new MemorySource(bytes, this.pieceBytes, this.failing);
    this.sources.push(source);
    const root = address === undefined ? wanted["root"] : manifestOf(address);
    return ok({ root, lengthBytes: bytes.length, source });
  }

  async #put(
    { source: given, expect, enc }: Pick<PutObject, "source" | "expect" | "enc">,
    { within }: CallOptions,
  ): Promise<unknown> {
    const source = asSource(given);
    const pieces: Uint8Array[] = [];
    const into = new Uint8Array(64 * 1024);
    let count = await source.read(into);
    for (; count > 0; count = await source.read(into)) {
      this.receivedBytes += count;
      pieces.push(into.slice(0, count));
    }
    if (within?.signal.aborted === true)
      return fail({ code: "runtime.cancelled", actor: "overlay", executed: "maybe" });
    if (count === FAILED) return fail({ code: "storage.source-failed", cause: source.failure });
    const bytes = Buffer.concat(pieces);
    const actual = `b3:${Buffer.from(digestOf(bytes)).toString("hex")}` as Address;
    if (expect !== undefined && expect !== actual) {
      return fail({ code: "storage.address-mismatch", expected: expect, actual });
    }
    const known = this.objects.has(actual);
    this.objects.set(actual, bytes);
    return ok({ ...factsOf(actual, bytes), ...(enc === undefined ? {} : { address: undefined }), known });
  }
}

function factsOf(address: Address, bytes: Uint8Array): ObjectFacts {
  return { address, manifest: manifestOf(address), sizeBytes: bytes.length, chunkCount: 1 };
}
