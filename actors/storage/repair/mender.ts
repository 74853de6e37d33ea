/**
 * Gives one payload the redundancy that it should have.
 *
 * - It is read as a whole first, and compared with its name: what is written is computed of nothing else.
 * - A record that was written counts when it was read back from its volume.
 * - What is not needed is let go of only when everything that is wanted was read back; its bytes are garbage then.
 */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { ErasureProfile } from "#actors/domain/erasure-profile.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import type { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import type { RecordContents } from "#actors/storage/packs/pack-write.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import type { RecordCheck } from "#actors/storage/packs/record-check.ts";
import type { OnDamaged } from "#actors/storage/puts/known-records.ts";
import { readCostOf } from "#actors/storage/repair/read-cost.ts";
import { type Redundancy, recordBytesOf, redundancyOf } from "#actors/storage/repair/wanted.ts";
import { cutShards } from "#actors/storage/spread/cut-shards.ts";
import type { Spread } from "#actors/storage/spread/spread.ts";
import type { ReedSolomon } from "#runtime/erasure/reed-solomon.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

export interface MenderDeps {
  readonly catalog: Catalog;
  readonly spread: Spread;
  readonly readers: PackReaders;
  readonly check: RecordCheck;
  readonly code: ReedSolomon;
  readonly cpu: Pick<Cpu, "digest" | "hasher">;
  readonly onDamaged: OnDamaged;
  /** All of it, from whatever holds it. */
  readonly read: (kind: RecordKind, digest: Digest) => Promise<Result<Uint8Array, Failure>>;
  /** Settles when so many bytes of payload may be read or written, in so many records; false: nothing is done any more. */
  readonly pay: (bytes: number, records: number) => Promise<boolean>;
  /** Whether the store may hold so many bytes more, and as many packs. */
  readonly hasRoomFor: (bytes: number, packs: number) => boolean;
}

/** A payload, and what it should have. */
export interface Wanted {
  readonly kind: RecordKind;
  readonly digest: Digest;
  /** Of a chunk. */
  readonly lengthBytes: number;
  readonly profile: ErasureProfile;
  /** Whether a record is there, or is waited for. */
  readonly counts: (entry: CatalogEntry) => boolean;
}

/** It could not be given all. It is tried again with the next walk. */
export type NotMended = Failure<
  "repair.unreadable" | "repair.not-written" | "repair.not-read-back" | "repair.limit-reached"
>;

/** Given up on the way, and nothing is wrong with it. */
export interface Over {
  readonly code: "over";
}

const OVER: Over = { code: "over" };

export class Mender {
  readonly #deps: MenderDeps;

  constructor(deps: MenderDeps) {
    this.#deps = deps;
  }

  /** Answers with the bytes that were written. */
  async mend(payload: Wanted): Promise<Result<number, NotMended | Over>> {
    const { digest, kind } = payload;
    const { catalog, readers } = this.#deps;
    const leave = readers.enter(new Set(catalog.records(kind, digest).map(({ pack }) => pack)));
    try {
      const before = this.#redundancyOf(payload);
      const written = before.missing.length === 0 ? ok([]) : await this.#write(payload, before);
      if (!written.ok) return written;
      const proven = await this.#readBack(digest, written.value);
      if (!proven.ok) return proven;
      const after = this.#redundancyOf(payload);
      if (after.missing.length === 0 && (after.surplus.length > 0 || this.#hasDamage(payload))) {
        const kept = await this.#readBack(digest, after.kept);
        if (!kept.ok) return kept;
        this.#trim(payload);
      }
      return ok(written.value.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0));
    } finally {
      leave();
    }
  }

  async #write(
    { digest, kind, lengthBytes, profile }: Wanted,
    { kept, missing }: Redundancy,
  ): Promise<Result<readonly CatalogEntry[], NotMended | Over>> {
    const { catalog, code, cpu, hasRoomFor, pay, read, spread } = this.#deps;
    const served = catalog.served(kind, digest);
    const payloadBytes = kind === "chunk" ? lengthBytes : (served[0]?.payloadBytes ?? 0);
    // Before it is read: else all of it would be read at every walk for nothing.
    const room = recordBytesOf(missing, payloadBytes, profile);
    if (!hasRoomFor(room, missing.length)) return fail({ code: "repair.limit-reached" });
    const cost = readCostOf(served);
    if (!(await pay(cost.bytes, cost.records))) return fail(OVER);
    const payload = await read(kind, digest);
    if (!payload.ok || digestFromBytes(cpu.digest(payload.value)) !== digest)
      return fail({ code: "repair.unreadable" });
    const digests = digestChunk([payload.value], cpu);
    const shards = kind === "chunk" ? cutShards(payload.value, digests, profile, code, cpu) : undefined;
    const commit = kind === "manifest" ? catalog.commitOf(digest) : undefined;
    const copy: RecordContents = {
      kind,
      payload: [payload.value],
      digests,
      commit: commit && { sequence: commit.sequence, isTransient: commit.isTransient, isSettled: true },
    };
    const contents = missing.flatMap((one) => (one === "copy" ? copy : (shards?.[one] ?? [])));
    const entries: CatalogEntry[] = [];
    const enter = (entry: CatalogEntry): void => {
      entries.push(entry);
      // The commit may be another one by now, or none: then it is a copy of a manifest that nobody needs.
      const now = kind === "manifest" ? catalog.commitOf(digest) : undefined;
      if (now === undefined) catalog.insert(digest, { ...entry, sequence: 0 });
      else catalog.insertCommit(now, entry);
    };
    const writtenBytes = contents.reduce((sum, one) => sum + one.digests.lengthBytes, 0);
    if (!(await pay(writtenBytes, contents.length))) return fail(OVER);
    const taken = new Set(kept.map(({ pack }) => slotOf(pack)));
    const done = await spread.write(digest, contents, contents.length, enter, taken);
    return done.ok && contents.length === missing.length ? ok(entries) : fail({ code: "repair.not-written" });
  }

  /** Looked at again in the turn in which it goes. Records that are damaged go with what nobody needs. */
  #trim(payload: Wanted): void {
    const { catalog } = this.#deps;
    const { missing, surplus } = this.#redundancyOf(payload);
    if (missing.length > 0) return;
    const damaged = catalog.records(payload.kind, payload.digest).filter(({ damage }) => damage !== "none");
    for (const entry of [...surplus, ...damaged]) catalog.remove(payload.digest, entry);
  }

  #hasDamage({ digest, kind }: Wanted): boolean {
    return this.#deps.catalog.records(kind, digest).some(({ damage }) => damage !== "none");
  }

  #redundancyOf({ counts, digest, kind, lengthBytes, profile }: Wanted): Redundancy {
    const records = this.#deps.catalog.records(kind, digest).filter(counts);
    return redundancyOf(records, kind, lengthBytes, profile);
  }

  async #readBack(digest: Digest, entries: readonly CatalogEntry[]): Promise<Result<void, NotMended | Over>> {
    for (const entry of entries) {
      if (!(await this.#deps.pay(entry.payloadBytes, 1))) return fail(OVER);
      if (!(await this.#isReadBack(digest, entry))) return fail({ code: "repair.not-read-back" });
    }
    return ok();
  }

  async #isReadBack(digest: Digest, entry: CatalogEntry): Promise<boolean> {
    const { check, onDamaged } = this.#deps;
    const held = await check.holds(digest, entry);
    // What was thought to be there and is not is missing from now on: else it would be kept, and looked at, for ever.
    if (held.ok && !held.value) onDamaged(digest, entry, "differs");
    return held.ok && held.value;
  }
}
