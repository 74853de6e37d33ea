/**
 * Manifests as storage keeps them: fetched, decoded, and refused when they are not what they must be.
 *
 * Whoever asks for a node here was told by the one above that it exists: one that is missing or malformed is damage
 * (`storage.corrupt`), never "unknown". Of a root storage says whether it is there.
 */
import { type Address, type Digest, digestOf } from "#actors/domain/address.ts";
import {
  DEPTH_MAX,
  decodeManifest,
  decodeNode,
  LINKS_MAX,
  type Manifest,
  type ManifestNode,
} from "#actors/domain/manifest.ts";
import { type AskSeams, ask } from "#actors/overlay/ask.ts";
import { nodeCache } from "#actors/overlay/node-cache.ts";
import type { NotARoot, OverlayUnavailable } from "#actors/overlay/protocol.ts";
import { type Gone, isGone } from "#actors/overlay/resolve.ts";
import type {
  ManifestNotFound,
  StorageCorrupt,
  StorageNotReady,
  StorageProtocol,
  StorageReadFailed,
} from "#actors/storage/protocol.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { Flights } from "#runtime/flights.ts";
import type { LruCache } from "#runtime/lru-cache.ts";
import type { Ref, Within } from "#runtime/ref.ts";
import type { Counter, Metrics } from "#runtime/telemetry/metrics.ts";

/** Why bytes that are known to be here cannot be had now, or at all. */
export type ReadFailure = StorageCorrupt | StorageReadFailed | StorageNotReady | OverlayUnavailable;

/** What the leaves of a manifest say. */
export interface Shape {
  readonly chunkCount: number;
  /** 0 for an empty object. */
  readonly lastChunkBytes: number;
}

export class ManifestReader {
  readonly #storage: Ref<StorageProtocol>;
  readonly #seams: AskSeams;
  readonly #roots: LruCache<Digest, Manifest>;
  readonly #nodes: LruCache<Digest, ManifestNode>;
  /** What many want that nobody has yet: a new object that is in demand. */
  readonly #fetches = new Flights<string, Result<Uint8Array, Gone | ReadFailure>>();
  readonly #reads: Counter;

  constructor(storage: Ref<StorageProtocol>, seams: AskSeams, metrics: Metrics) {
    this.#storage = storage;
    this.#seams = seams;
    this.#reads = metrics.counter("overlay_manifest_reads_total", "Manifest nodes read, by where they came from.");
    // Half each: roots answer every request, inner nodes only those for objects over 2 GiB.
    const half = (): number => seams.config.current.nodeCacheBytesMax / 2;
    this.#roots = nodeCache(half);
    this.#nodes = nodeCache(half);
  }

  /** The manifest at `root`, if it is one of `address`: the manifest binds content to address, not the index. */
  async root(root: Digest, address: Address, within: Within): Promise<Result<Manifest, Gone | ReadFailure>> {
    const held = this.#roots.get(root) === undefined ? ok(true) : await this.#isHeld(root, within);
    if (!held.ok) return held;
    if (!held.value) this.forget(root);
    const manifest = await this.#load(this.#roots, root, decodeManifest, within, address);
    return !manifest.ok || manifest.value.object === digestOf(address) ? manifest : corrupt(root);
  }

  /** Storage is asked the next time, of other manifests too: there may be more of the same object, which are gone with it. */
  forget(root: Digest): void {
    this.#roots.delete(root);
    this.#fetches.leaveAll();
  }

  /**
   * The manifest at `root`, whatever it describes. Nobody else has said that it is held, so storage is asked each time and
   * may say that it is not.
   */
  async held(root: Digest, within: Within): Promise<Result<Manifest, ManifestNotFound | NotARoot | ReadFailure>> {
    const bytes = await this.bytes(root, within);
    if (!bytes.ok) return bytes;
    const manifest = decodeManifest(bytes.value);
    // The bytes are those of the digest: what they are not now they will never be.
    return manifest.ok ? manifest : fail({ code: "overlay.not-a-root", node: root });
  }

  /** Of any node, as storage has them now. */
  async bytes(root: Digest, within: Within): Promise<Result<Uint8Array, ManifestNotFound | ReadFailure>> {
    const bytes = await this.#fetch(root, within);
    if (bytes.ok) return bytes;
    const { failure } = bytes;
    return failure.code === "storage.removed" ? fail({ code: "storage.manifest-not-found", root }) : fail(failure);
  }

  /** An inner node that must stand for `sizeBytes`. */
  async node(digest: Digest, sizeBytes: number, within: Within): Promise<Result<ManifestNode, ReadFailure>> {
    const node = await this.#load(this.#nodes, digest, decodeNode, within);
    if (!node.ok) return isGone(node.failure) ? corrupt(digest) : fail(node.failure);
    return node.value.size === sizeBytes ? node : corrupt(digest);
  }

  /**
   * Counts along the last path only: storage fills every node before it begins the next, so all the others are full.
   */
  async shape(root: ManifestNode, within: Within): Promise<Result<Shape, ReadFailure>> {
    let before = 0;
    let node = root;
    let last = node.links.at(-1);
    for (let depth = 1; node.linkKind === "node" && last !== undefined; depth += 1) {
      if (depth >= DEPTH_MAX) return corrupt(last.digest);
      before = (before + node.links.length - 1) * LINKS_MAX;
      const child = await this.node(last.digest, last.length, within);
      if (!child.ok) return child;
      node = child.value;
      last = node.links.at(-1);
    }
    return ok({ chunkCount: before + node.links.length, lastChunkBytes: last?.length ?? 0 });
  }

  /** What is removed may be remembered here. */
  async #isHeld(root: Digest, within: Within): Promise<Result<boolean, OverlayUnavailable>> {
    const timeoutMs = this.#seams.config.current.callTimeoutMs;
    return await ask(this.#seams, within, () =>
      this.#storage.call("isHeld", { root }, { timeoutMs, within, whenFull: "wait" }),
    );
  }

  async #load<Node extends ManifestNode>(
    cache: LruCache<Digest, Node>,
    digest: Digest,
    decode: (bytes: Uint8Array) => Result<Node>,
    within: Within,
    address?: Address,
  ): Promise<Result<Node, Gone | ReadFailure>> {
    const cached = cache.get(digest);
    if (cached !== undefined) {
      this.#reads.add(1, FROM_CACHE);
      return ok(cached);
    }

    const bytes = await this.#fetch(digest, within, address);
    if (!bytes.ok) return bytes;
    // Of those who shared the bytes only the first decodes them.
    const known = cache.get(digest);
    if (known !== undefined) return ok(known);
    const decoded = decode(bytes.value);
    if (!decoded.ok) return corrupt(digest);
    cache.set(digest, decoded.value);
    return decoded;
  }

  async #fetch(root: Digest, within: Within, address?: Address): Promise<Result<Uint8Array, Gone | ReadFailure>> {
    const key = fetchOf(root, address);
    this.#reads.add(1, this.#fetches.has(key) ? FROM_OTHERS : FROM_STORAGE);
    const timeoutMs = this.#seams.config.current.callTimeoutMs;
    return await this.#fetches.join(key, within, (shared) =>
      ask(this.#seams, shared, () =>
        this.#storage.call("getManifest", { root, address }, { timeoutMs, within: shared, whenFull: "wait" }),
      ),
    );
  }
}

/** Whether it is held depends on whose it is: the same answer is for those who ask the same. */
function fetchOf(root: Digest, address: Address | undefined): string {
  return `${root} ${address ?? ""}`;
}

const FROM_CACHE = { from: "cache" };
/** Somebody else was asking storage for it already. */
const FROM_OTHERS = { from: "others" };
const FROM_STORAGE = { from: "storage" };

export function corrupt(digest: Digest): Result<never, StorageCorrupt> {
  return fail({ code: "storage.corrupt", digest });
}
