/**
 * Bytes on their way into the file of an upload, in pieces: each is synced, then recorded, then counts.
 *
 * What lies in the file behind what is recorded means nothing, and is written over.
 */
import { crc32 } from "node:zlib";
import { writeFailure } from "#actors/storage/packs/pack-write.ts";
import type { SourceFailed } from "#actors/storage/protocol.ts";
import type { Space } from "#actors/storage/space.ts";
import type { LogFailure } from "#actors/storage/staging/upload-log.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { MiB, second } from "#runtime/units.ts";

/** A longer body is synced and recorded whenever it has brought so much: what a crash can take from it. */
export const UPLOAD_PIECE_BYTES: number = 8 * MiB;

/** A slow body is synced and recorded as often, ms. */
export const UPLOAD_PIECE_MS: number = 10 * second;

/** How far an upload is. */
export interface Reached {
  readonly offsetBytes: number;
  readonly crc: number;
}

export interface AppendPlan<F extends Failure> {
  readonly descriptor: number;
  readonly from: Reached;
  readonly source: ByteSource;
  readonly isWhole: boolean;
  /** What is read into. */
  readonly buffer: Uint8Array;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly space: Space;
  /** Whether the upload may be so long; asked before the bytes up to there are written. */
  readonly admit: (endBytes: number) => Result<void, F>;
  /** Makes what is synced count. */
  readonly record: (reached: Reached) => Promise<Result<void, LogFailure>>;
}

type Outcome<F extends Failure> = Result<void, F | SourceFailed | LogFailure>;

/** Reads the source to its end. A failure of the source leaves what it brought, unless the plan `isWhole`. */
export async function appendBytes<F extends Failure>(plan: AppendPlan<F>): Promise<Outcome<F>> {
  const { source, isWhole } = plan;
  const pieces = new Pieces(plan);
  for (;;) {
    const { count, end } = await fillWith(source, plan.buffer, () => pieces.isLate);
    if (count > 0) {
      const written = await pieces.write(plan.buffer.subarray(0, count));
      if (!written.ok) return written;
    }
    if (end === "more") {
      if (isWhole || !pieces.isDue) continue;
    } else if (end === "failed" && isWhole) {
      return sourceFailed(source);
    }
    const committed = await pieces.commit();
    if (!committed.ok) return committed;
    if (end === "ended") return ok();
    if (end === "failed") return sourceFailed(source);
  }
}

class Pieces<F extends Failure> {
  readonly #plan: AppendPlan<F>;
  #reached: Reached;
  #recordedBytes: number;
  #recordedMs: number;

  constructor(plan: AppendPlan<F>) {
    this.#plan = plan;
    this.#reached = plan.from;
    this.#recordedBytes = plan.from.offsetBytes;
    this.#recordedMs = plan.clock.nowMs();
  }

  /** The last record is old. */
  get isLate(): boolean {
    return !this.#plan.isWhole && this.#plan.clock.nowMs() - this.#recordedMs >= UPLOAD_PIECE_MS;
  }

  /** There is enough for a record, or the last one is old. */
  get isDue(): boolean {
    return this.isLate || this.#reached.offsetBytes - this.#recordedBytes >= UPLOAD_PIECE_BYTES;
  }

  async write(bytes: Uint8Array): Promise<Outcome<F>> {
    const { admit, disk, descriptor, space } = this.#plan;
    const { offsetBytes, crc } = this.#reached;
    const admitted = admit(offsetBytes + bytes.length);
    if (!admitted.ok) return admitted;
    const fits = await space.admit(bytes.length);
    if (!fits.ok) return fits;
    const written = await disk.write(descriptor, [bytes], offsetBytes);
    if (!written.ok) return fail(await writeFailure(written.failure, space));
    this.#reached = { offsetBytes: offsetBytes + bytes.length, crc: crc32(bytes, crc) };
    return ok();
  }

  async commit(): Promise<Result<void, LogFailure>> {
    const { clock, disk, descriptor, space, record } = this.#plan;
    this.#recordedMs = clock.nowMs();
    if (this.#reached.offsetBytes === this.#recordedBytes) return ok();
    const synced = await disk.sync(descriptor);
    if (!synced.ok) return fail(await writeFailure(synced.failure, space));
    const recorded = await record(this.#reached);
    if (recorded.ok) this.#recordedBytes = this.#reached.offsetBytes;
    return recorded;
  }
}

/** Fills `into` as far as the source goes, or time. Unlike with an object, what comes before a failure counts. */
async function fillWith(
  source: ByteSource,
  into: Uint8Array,
  isLate: () => boolean,
): Promise<{ readonly count: number; readonly end: "more" | "ended" | "failed" }> {
  let count = 0;
  while (count < into.length) {
    const read = await source.read(into.subarray(count));
    if (read === FAILED) return { count, end: "failed" };
    if (read === ENDED) return { count, end: "ended" };
    count += read;
    if (isLate()) break;
  }
  return { count, end: "more" };
}

function sourceFailed({ failure }: ByteSource): Result<never, SourceFailed> {
  return fail({ code: "storage.source-failed", cause: failure ?? { code: "runtime.cancelled" } });
}
