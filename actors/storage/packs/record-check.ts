/**
 * The proof of a record: what the disk holds of it now, compared with the digests in its header.
 *
 * A payload from `POOL_DIGEST_BYTES_MIN` on is read and digested on the CPU pool; a smaller one, and all of volumes, here.
 * Only what is wrong with the bytes counts against a record: where the pool is full, closing or crashed, or could not read
 * them, they are read here instead. A record is given up for damage only, and a thread of the pool can want for memory or descriptors.
 * Where this thread cannot read them either, even when it tries twice, nothing is said of the record: that is a failure.
 */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { isDescribed } from "#actors/storage/chunks/shard-descriptor.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { HOME_SLOT, slotOf } from "#actors/storage/packs/pack-number.ts";
import { readWhole } from "#actors/storage/packs/pack-scan.ts";
import {
  DIGEST_BYTES,
  decodeHeader,
  digestOfRecord,
  RECORD_HEADER_BYTES,
  SEGMENT_BYTES,
  tableBytes,
} from "#actors/storage/packs/record.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result, unreachable } from "#runtime/errors.ts";
import { type Cpu, POOL_DIGEST_BYTES_MIN } from "#runtime/pool/cpu.ts";
import type { Within } from "#runtime/ref.ts";
import { KiB } from "#runtime/units.ts";

/** Bytes of one read while a payload is verified on this thread. */
const READ_BYTES: number = 256 * KiB;

export interface RecordCheckDeps {
  readonly files: PackFiles;
  readonly cpu: Pick<Cpu, "digest" | "hasher" | "run">;
  readonly pause: Pause;
}

/** Where a record is, and how long it is. */
export type RecordPlace = Pick<CatalogEntry, "pack" | "position" | "payloadOffset" | "payloadBytes" | "shard">;

/** What header and table say that the payload is. */
interface Expected {
  readonly digest: Uint8Array;
  /** Empty where the payload is one segment. */
  readonly table: Uint8Array;
}

type Answer = "holds" | "differs" | "unknown";

export class RecordCheck {
  readonly #deps: RecordCheckDeps;
  /** Nobody waits longer than a task takes: the pool itself gives up one that hangs. */
  readonly #within: Within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
  #poolHasCrashed = false;

  constructor(deps: RecordCheckDeps) {
    this.#deps = deps;
  }

  /** Whether the record of `digest`, or of that shard of it, is there, whole, with a table and a payload that are what its header says. */
  async holds(digest: Digest, place: RecordPlace): Promise<Result<boolean, DiskFailure>> {
    const { files, cpu } = this.#deps;
    const tableLength = tableBytes(place.payloadBytes);
    const tableEnd = RECORD_HEADER_BYTES + tableLength;
    // Of a shard with its descriptor, of which all of them are rebuilt.
    const front = await readWhole(files, place.pack, place.payloadOffset, place.position);
    if (!front.ok) return front;
    const header = front.value === undefined ? undefined : decodeHeader(front.value, undefined);
    if (
      front.value === undefined ||
      header === undefined ||
      digestOfRecord(header) !== (place.shard?.digest ?? digest)
    ) {
      return ok(false);
    }
    if (header.payloadBytes !== place.payloadBytes || header.payloadOffset !== place.payloadOffset) return ok(false);
    if (place.shard !== undefined && !isDescribed(front.value.subarray(tableEnd), digest, place.shard))
      return ok(false);
    const table = front.value.subarray(RECORD_HEADER_BYTES, tableEnd);
    if (tableLength > 0 && Buffer.compare(cpu.digest(table), header.tableDigest) !== 0) return ok(false);

    const expected = { digest: header.digest, table };
    const answer = await this.#askPool(place, expected);
    return answer === "unknown" ? await this.#readHere(place, expected) : ok(answer === "holds");
  }

  /** The payload, undefined if it is not what `digest` says. For the nodes of manifests, which are read whole. */
  async payload(digest: Digest, place: RecordPlace): Promise<Result<Uint8Array | undefined, DiskFailure>> {
    const { pack, position, payloadOffset, payloadBytes } = place;
    const read = await readWhole(this.#deps.files, pack, payloadBytes, position + payloadOffset);
    if (!read.ok || read.value === undefined) return read;
    return ok(digestFromBytes(this.#deps.cpu.digest(read.value)) === digest ? read.value : undefined);
  }

  async #askPool(place: RecordPlace, { digest, table }: Expected): Promise<Answer> {
    const { pack, position, payloadOffset, payloadBytes } = place;
    if (payloadBytes < POOL_DIGEST_BYTES_MIN || this.#poolHasCrashed) return "unknown";
    // Threads read by path, and would wait for a volume that hangs as long as it does.
    if (slotOf(pack) !== HOME_SLOT) return "unknown";
    const { cpu, files } = this.#deps;
    const range = { path: files.pathOf(pack), position: position + payloadOffset, lengthBytes: payloadBytes };
    const digested = await cpu.run("digestFileRange", range, this.#within);
    if (digested.ok) {
      const { digest: whole, segments } = digested.value;
      return Buffer.compare(whole, digest) === 0 && Buffer.compare(segments, table) === 0 ? "holds" : "differs";
    }
    const { code } = digested.failure;
    switch (code) {
      case "pool.crashed":
        // Not asked again: a task that hangs would cost a minute for every payload.
        this.#poolHasCrashed = true;
        return "unknown";
      case "pool.down":
      case "pool.task-failed":
      case "pool.full":
      case "pool.expired":
        return "unknown";
      default:
        return unreachable(code);
    }
  }

  async #readHere(place: RecordPlace, { digest, table }: Expected): Promise<Result<boolean, DiskFailure>> {
    const { files, cpu, pause } = this.#deps;
    const { pack, position, payloadOffset, payloadBytes } = place;
    const whole = cpu.hasher();
    for (let done = 0; done < payloadBytes; done += READ_BYTES) {
      const length = Math.min(READ_BYTES, payloadBytes - done);
      const piece = await readWhole(files, pack, length, position + payloadOffset + done);
      if (!piece.ok) return piece;
      if (piece.value === undefined) return ok(false);
      whole.update(piece.value);
      for (let at = 0; at < length && table.length > 0; at += SEGMENT_BYTES) {
        const segment = cpu.digest(piece.value.subarray(at, at + SEGMENT_BYTES));
        const slot = ((done + at) / SEGMENT_BYTES) * DIGEST_BYTES;
        if (Buffer.compare(table.subarray(slot, slot + DIGEST_BYTES), segment) !== 0) return ok(false);
      }
      await pause.ifDue();
    }
    return ok(Buffer.compare(whole.digest(), digest) === 0);
  }
}
