/**
 * Writes one payload to several volumes, so that some of them may be lost: a chunk as shards, anything short or of a
 * manifest as copies (`specs/formats/shards.md`).
 *
 * - No volume gets two of them, also where there are fewer volumes than records.
 * - It is answered when as many are durable as the profile acknowledges with. The others are tried on other volumes, once;
 *   what is missing then is left to repair.
 * - Where too many were refused because volumes have gone meanwhile, it is written once more, as the others allow.
 */
import type { Digest } from "#actors/domain/address.ts";
import {
  ackMargin,
  copiesOf,
  type ErasureProfile,
  type ErasureSetting,
  profileFor,
} from "#actors/domain/erasure-profile.ts";
import type { EncodedNode } from "#actors/domain/manifest-tree.ts";
import { placeShards } from "#actors/domain/shard-placement.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry, Commit } from "#actors/storage/catalog/catalog-records.ts";
import { type ChunkDigests, digestsOfNode } from "#actors/storage/chunks/chunk-digester.ts";
import type { RecordContents } from "#actors/storage/packs/pack-write.ts";
import { sizeOfRecord } from "#actors/storage/packs/record.ts";
import { cutShards } from "#actors/storage/spread/cut-shards.ts";
import type { Lanes } from "#actors/storage/spread/lanes.ts";
import { refusalOf } from "#actors/storage/spread/volume-room.ts";
import type { VolumeView } from "#actors/storage/volumes/volume-view.ts";
import type { Volumes } from "#actors/storage/volumes/volumes.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import type { ReedSolomon } from "#runtime/erasure/reed-solomon.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

/** Records that are refused are written to other volumes, so often. */
export const WRITE_ROUNDS_MAX = 2;

export interface SpreadDeps {
  readonly erasure: ErasureSetting;
  readonly lanes: Lanes;
  readonly volumes: Pick<Volumes, "all" | "troubled" | "wrote">;
  readonly catalog: Catalog;
  readonly code: ReedSolomon;
  /** A payload is durable, in so many records, and referred to: perhaps not all that it should have. */
  readonly onWritten: (payload: Written) => void;
  readonly cpu: Pick<Cpu, "digest" | "hasher">;
}

export interface Written {
  /** What was aimed at. */
  readonly profile: ErasureProfile;
  readonly lengthBytes: number;
  /** Records that were wanted, and those that are durable. */
  readonly wantedCount: number;
  readonly writtenCount: number;
  /** More volumes than this may not be lost. */
  readonly margin: number;
}

/** How many records of it are durable. */
type Outcome = Result<number, DiskFailure>;

export class Spread {
  readonly #deps: SpreadDeps;

  constructor(deps: SpreadDeps) {
    this.#deps = deps;
  }

  /** What is written now, by the domains that live. */
  get profile(): ErasureProfile {
    return this.profileOver(this.writable);
  }

  get writable(): readonly VolumeView[] {
    return this.#deps.lanes.open;
  }

  /** What would be written to these. */
  profileOver(volumes: readonly Pick<VolumeView, "domain">[]): ErasureProfile {
    return profileFor(this.#deps.erasure, new Set(volumes.map(({ domain }) => domain)).size);
  }

  /** Volumes that could take a record of what these hold records of. */
  targetsBeside(slots: ReadonlySet<number>): number {
    return this.writable.filter(({ slot }) => !slots.has(slot)).length;
  }

  /** Durable when answered, and in the catalog. */
  async putChunk(payload: readonly Uint8Array[], digests: ChunkDigests, digest: Digest): Promise<Outcome> {
    return await this.#asAllowed((profile) => this.#putChunk(payload, digests, digest, profile));
  }

  async #putChunk(
    payload: readonly Uint8Array[],
    digests: ChunkDigests,
    digest: Digest,
    profile: ErasureProfile,
  ): Promise<Outcome> {
    const { code, cpu } = this.#deps;
    const whole = profile.dataShards > 1 ? joined(payload) : undefined;
    const shards = whole && cutShards(whole, digests, profile, code, cpu);
    if (shards === undefined) {
      return await this.#putCopies(digest, { kind: "chunk", payload, digests }, profile, (entry) =>
        this.#enter(digest, entry),
      );
    }
    const [first] = shards;
    const dataShards = first?.shard?.name.dataShards ?? 1;
    const ack = dataShards + ackMargin(profile);
    const done = await this.write(digest, shards, ack, (entry) => this.#enter(digest, entry));
    return this.#told(done, profile, digests.lengthBytes, shards.length, dataShards);
  }

  /** A node of a manifest; with `commit` the root, which commits its object. Durable when answered, and in the catalog. */
  async putManifest(node: EncodedNode, commit?: Commit): Promise<Outcome> {
    const { bytes, digest } = node;
    const digests = digestsOfNode(node, this.#deps.cpu);
    const contents: RecordContents = { kind: "manifest", payload: [bytes], digests };
    const enter = (entry: CatalogEntry): void => {
      if (commit === undefined) this.#enter(digest, entry);
      else this.#deps.catalog.insertCommit(commit, entry);
    };
    const settled = commit && { sequence: commit.sequence, isTransient: commit.isTransient, isSettled: true };
    return await this.#asAllowed((profile) =>
      this.#putCopies(digest, { ...contents, commit: settled }, profile, enter),
    );
  }

  /** A put refers to what is there already, and may have lost some of what it should have while nothing referred to it. */
  reliedOn(lengthBytes: number, margin: number): void {
    const { profile } = this;
    const { parityShards } = profile;
    const writtenCount = Math.min(margin, parityShards);
    this.#deps.onWritten({ profile, lengthBytes, wantedCount: parityShards, writtenCount, margin });
  }

  /** One record on each of as many volumes; what holds a record of it already is left out. */
  async write(
    digest: Digest,
    records: readonly RecordContents[],
    ack: number,
    enter: (entry: CatalogEntry) => void,
    taken: ReadonlySet<number> = new Set(),
  ): Promise<Outcome> {
    const { lanes, volumes } = this.#deps;
    const tried = new Set(taken);
    let left = records;
    let failure = refusalOf(volumes.all);
    for (let round = 0; round < WRITE_ROUNDS_MAX && left.length > 0; round += 1) {
      const targets = lanes.open.filter(({ slot }) => !tried.has(slot));
      if (targets.length === 0) break;
      // None has two: with it both would be lost. What is left then is left to repair.
      const places = [...new Set(placeShards(digest, left.length, targets))];
      const refused = left.slice(places.length);
      const appendOne = async (contents: RecordContents, slot: number): Promise<void> => {
        tried.add(slot);
        const appended = await lanes.get(slot)?.log.append(contents, enter);
        if (appended?.ok === true) {
          volumes.wrote(slot, sizeOfRecord(appended.value));
          return;
        }
        refused.push(contents);
        if (appended === undefined) return;
        failure = appended.failure;
        await volumes.troubled(slot, appended.failure);
      };
      const placed = left.slice(0, places.length);
      await Promise.all(placed.map((contents, index) => appendOne(contents, places[index]?.slot ?? 0)));
      left = refused;
    }
    const done = records.length - left.length;
    return done >= Math.min(ack, records.length) ? ok(done) : fail(failure);
  }

  /** In the profile that is written now, or the one that is when that has failed. */
  async #asAllowed(put: (profile: ErasureProfile) => Promise<Outcome>): Promise<Outcome> {
    const { profile } = this;
    const done = await put(profile);
    if (done.ok || this.#deps.lanes.open.length === 0) return done;
    const left = this.profile;
    const isAnother = left.dataShards !== profile.dataShards || left.parityShards !== profile.parityShards;
    return isAnother ? await put(left) : done;
  }

  async #putCopies(
    digest: Digest,
    contents: RecordContents,
    profile: ErasureProfile,
    enter: (entry: CatalogEntry) => void,
  ): Promise<Outcome> {
    const copies = Array.from({ length: copiesOf(profile) }, () => contents);
    const done = await this.write(digest, copies, 1 + ackMargin(profile), enter);
    return this.#told(done, profile, contents.digests.lengthBytes, copies.length, 1);
  }

  #told(
    done: Outcome,
    profile: ErasureProfile,
    lengthBytes: number,
    wantedCount: number,
    enoughCount: number,
  ): Outcome {
    if (!done.ok) return done;
    const margin = done.value - enoughCount;
    this.#deps.onWritten({ profile, lengthBytes, wantedCount, writtenCount: done.value, margin });
    return done;
  }

  #enter(digest: Digest, entry: CatalogEntry): void {
    this.#deps.catalog.insert(digest, entry);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
}
