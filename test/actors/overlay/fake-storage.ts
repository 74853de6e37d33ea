/**
 * Storage with nothing but memory, which a test can make lie, fail and hang. It verifies nothing: what overlay verifies
 * can be tested only over a storage that lets wrong bytes through.
 */
import { type Address, addressOf, type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { buildManifestTree, type ManifestFacts } from "#actors/domain/manifest-tree.ts";
import type { UploadId } from "#actors/domain/upload.ts";
import type { RepairAction, VolumesFacts } from "#actors/domain/volumes-facts.ts";
import type {
  ChunkSlice,
  ListedManifest,
  RemovedName,
  StorageEvents,
  StorageFacts,
  StorageProtocol,
} from "#actors/storage/protocol.ts";
import { NO_SCRUB } from "#actors/storage/scrub/scrubber.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { type Failure, fail, ok } from "#runtime/errors.ts";
import { digestOf as blake3 } from "#runtime/pool/blake3.ts";
import { asSource } from "#runtime/whole-source.ts";
import { type FakeUpload, uploadHandlers } from "#test/actors/overlay/fake-uploads.ts";

export const storageFacts: StorageFacts = {
  packCount: 1,
  packBytes: 9,
  chunkCount: 2,
  manifestCount: 3,
  storedBytes: 4,
  freeBytes: 5,
  damagedChunkCount: 0,
  setAsidePackCount: 0,
  trash: { objectCount: 0, bytes: 0 },
  collection: { phase: "idle", last: undefined },
  scrub: NO_SCRUB,
  rebuilding: undefined,
};

export const volumesFacts: VolumesFacts = {
  volumes: [],
  profile: "4+2",
  repair: {
    state: "idle",
    delayedUntilMs: undefined,
    backlogCount: 0,
    backlogBytes: 0,
    atRiskBytes: 0,
    lostCount: 0,
    repairedCount: 1,
    repairedBytes: 2,
    failedCount: 0,
    bytesPerSecond: 0,
    etaMs: undefined,
  },
};

export const digest = (bytes: Uint8Array): Digest => digestFromBytes(blake3(bytes));

export class FakeStorage {
  readonly chunks: Map<Digest, Uint8Array> = new Map();
  /** Roots of what was removed. */
  readonly removed: Set<Digest> = new Set();
  /** Roots of what is pinned, and until when. */
  readonly pinned: Map<Digest, number | undefined> = new Map();
  readonly nodes: Map<Digest, Uint8Array> = new Map();
  readonly commits: ListedManifest[] = [];
  /** Chunks whose reading fails with `storage.corrupt`. */
  readonly damaged: Set<Digest> = new Set();
  /** Roots of what is known to be damaged. */
  readonly damagedRoots: Set<Digest> = new Set();
  /** What `readChunks` was asked for, in order. */
  readonly asked: (readonly ChunkSlice[])[] = [];
  /** What `readSmallObject` was asked for, in order. */
  readonly askedSmall: Digest[] = [];
  /** Manifest nodes asked for, in order. */
  readonly askedNodes: Digest[] = [];
  /** Sources handed out and neither ended nor cancelled. */
  readonly open: Set<FakeSource> = new Set();
  /** Largest count of bytes that one read of a source answers with. */
  readBytesMax: number = Number.POSITIVE_INFINITY;
  readonly uploads: Map<UploadId, FakeUpload> = new Map();
  /** What repair was told to do, in order. */
  readonly orders: RepairAction[] = [];
  /** Where `putObject` cuts. */
  chunkBytes = 4;
  /** While set, `listManifests` says that there is more but does not show it. */
  isNotReady = false;

  /** Keeps the object, cut at the given lengths, and commits its manifest. What the cuts leave over is one chunk. */
  store(
    bytes: Uint8Array,
    cuts: readonly number[] = [],
    claimed: Address = addressOf(digest(bytes)),
  ): ListedManifest & { readonly address: Address } {
    const object = digestFromBytes(Buffer.from(claimed.slice(3), "hex"));
    const committed = this.#commit(bytes, cuts, { object });
    return { ...committed, address: claimed };
  }

  /** As `store`, of ciphertext: its commit has no address. */
  storeEncrypted(bytes: Uint8Array, cuts: readonly number[] = []): ListedManifest {
    return this.#commit(bytes, cuts, { object: undefined, enc: { format: "test/1" } });
  }

  #commit(bytes: Uint8Array, cuts: readonly number[], named: Pick<ManifestFacts, "object" | "enc">): ListedManifest {
    const links: { length: number; digest: Digest }[] = [];
    let at = 0;
    for (const cut of [...cuts, bytes.length]) {
      const chunk = bytes.slice(at, Math.min(at + cut, bytes.length));
      if (chunk.length === 0) continue;
      at += chunk.length;
      this.chunks.set(digest(chunk), chunk);
      links.push({ length: chunk.length, digest: digest(chunk) });
    }
    const { inner, root } = buildManifestTree({ size: bytes.length, chunker: "test/1", ...named }, links, digest);
    for (const node of [...inner, root]) this.nodes.set(node.digest, node.bytes);
    const address = named.object && addressOf(named.object);
    const commit = { address, manifest: root.digest, sizeBytes: bytes.length, isTransient: false };
    if (!this.commits.some(({ manifest }) => manifest === root.digest)) this.commits.push(commit);
    return commit;
  }
}

/** The slices one after another, from memory. */
export class FakeSource implements ByteSource {
  failure: Failure | undefined;
  readonly #storage: FakeStorage;
  readonly #slices: ChunkSlice[];
  #done = 0;

  constructor(storage: FakeStorage, slices: readonly ChunkSlice[]) {
    this.#storage = storage;
    this.#slices = [...slices];
    storage.open.add(this);
  }

  async read(into: Uint8Array): Promise<number> {
    await undefined;
    if (this.failure !== undefined) return FAILED;
    const slice = this.#slices[0];
    if (slice === undefined) {
      this.#storage.open.delete(this);
      return ENDED;
    }
    const chunk = this.#storage.chunks.get(slice.chunk);
    if (chunk === undefined || this.#storage.damaged.has(slice.chunk)) {
      this.cancel({ code: "storage.corrupt", digest: slice.chunk } as Failure);
      return FAILED;
    }
    const from = slice.offset + this.#done;
    const count = Math.min(into.length, slice.lengthBytes - this.#done, this.#storage.readBytesMax);
    into.set(chunk.subarray(from, from + count));
    this.#done += count;
    if (this.#done === slice.lengthBytes) {
      this.#slices.shift();
      this.#done = 0;
    }
    return count;
  }

  cancel(reason: Failure): void {
    this.failure ??= reason;
    this.#storage.open.delete(this);
  }
}

export const fakeStorageBehavior: Behavior<StorageProtocol, StorageEvents, FakeStorage, FakeStorage> = {
  name: "storage",
  init: (storage) => storage,
  handlers: {
    putObject: (_storage, { source: given, enc }, ctx) =>
      ctx.later(
        async () => {
          const source = asSource(given);
          const parts: Uint8Array[] = [];
          const into = new Uint8Array(7);
          let count = await source.read(into);
          for (; count > 0; count = await source.read(into)) parts.push(into.slice(0, count));
          return count === ENDED ? Buffer.concat(parts) : (source.failure ?? { code: "source.failed" });
        },
        (storage, outcome) => {
          if (!(outcome instanceof Uint8Array)) return fail({ code: "storage.source-failed", cause: outcome });
          const before = storage.commits.length;
          const cuts = Array.from({ length: Math.ceil(outcome.length / storage.chunkBytes) }, () => storage.chunkBytes);
          const stored = enc === undefined ? storage.store(outcome, cuts) : storage.storeEncrypted(outcome, cuts);
          const known = storage.commits.length === before;
          return ok({ ...stored, chunkCount: cuts.length, known, cursor: cursorOf(storage.commits.length) });
        },
      ),

    getManifest: (storage, { root }) => {
      storage.askedNodes.push(root);
      const bytes = storage.nodes.get(root);
      if (storage.removed.has(root)) return fail({ code: "storage.removed", root });
      return bytes === undefined ? fail({ code: "storage.manifest-not-found", root }) : ok(bytes);
    },

    isHeld: (storage, { root }) => ok(!storage.removed.has(root)),

    isDamaged: (storage, { root }) => ok(storage.damagedRoots.has(root)),

    readChunks: (storage, { slices }) => {
      storage.asked.push(slices);
      const missing = slices.find(({ chunk }) => !storage.chunks.has(chunk));
      return missing === undefined
        ? ok({ source: new FakeSource(storage, slices) })
        : fail({ code: "storage.chunk-not-found", chunk: missing.chunk });
    },

    readSmallObject: (storage, { chunk, root }) => {
      if (storage.removed.has(root)) return fail({ code: "storage.removed", root });
      const bytes = storage.chunks.get(chunk);
      storage.askedSmall.push(chunk);
      return bytes === undefined ? fail({ code: "storage.chunk-not-found", chunk }) : ok(bytes);
    },

    listManifests: ({ commits, isNotReady }, { after, limit }) => {
      const from = after === undefined ? 0 : Number.parseInt(after, 16);
      const entries = isNotReady ? [] : commits.slice(from, from + limit);
      const end = from + entries.length;
      const done = !isNotReady && end === commits.length;
      return ok({ entries, next: cursorOf(end), done, total: commits.length });
    },

    removeObject: (storage, { manifest }) => {
      storage.removed.add(manifest);
      return ok({ restorableUntilMs: 1000 });
    },

    findCommitted: ({ commits }, { root }) => {
      const there = commits.find(({ manifest }) => manifest === root);
      return there === undefined ? fail({ code: "storage.manifest-not-found", root }) : ok(there);
    },

    findHeld: ({ commits, removed }, { root }) => {
      const there = commits.find(({ manifest }) => manifest === root);
      if (there === undefined) return fail({ code: "storage.manifest-not-found", root });
      return removed.has(root) ? fail({ code: "storage.removed", root }) : ok(there);
    },

    findRemoved: ({ commits, removed }, target) => {
      const there = commits.find((commit) => isNamed(commit, target));
      return there !== undefined && removed.has(there.manifest) ? ok(there) : fail({ code: "storage.not-in-trash" });
    },

    restoreObject: (storage, target) => {
      const there = storage.commits.find((commit) => isNamed(commit, target));
      if (there === undefined || !storage.removed.delete(there.manifest)) return fail({ code: "storage.not-in-trash" });
      return ok(there);
    },

    pinObject: (storage, { manifest, untilMs }) => {
      if (storage.removed.has(manifest)) return fail({ code: "storage.removed", root: manifest });
      storage.pinned.set(manifest, untilMs);
      return ok({ untilMs });
    },

    unpinObject: (storage, { manifest }) => {
      if (storage.removed.has(manifest)) return fail({ code: "storage.removed", root: manifest });
      storage.pinned.delete(manifest);
      return ok();
    },

    listTrash: ({ commits, removed }) => {
      const entries = commits.filter(({ manifest }) => removed.has(manifest));
      return ok({
        entries: entries.map((entry) => ({ ...entry, removedAtMs: 0, restorableUntilMs: 1000 })),
        next: undefined,
      });
    },

    scrubNow: () => ok(storageFacts.scrub),

    describeVolumes: () => ok(volumesFacts),

    repair: (storage, { action }) => {
      storage.orders.push(action);
      return ok(volumesFacts);
    },

    forgetVolume: () => ok(volumesFacts),

    collectGarbage: () => ok(storageFacts.collection),
    ...uploadHandlers,

    describe: () => ok(storageFacts),
  },
};

function cursorOf(position: number): string {
  return position.toString(16).padStart(8, "0");
}

function isNamed({ address, manifest }: ListedManifest, target: RemovedName): boolean {
  return "address" in target ? address === target.address : manifest === target.root;
}
