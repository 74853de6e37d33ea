/**
 * Reads a journal file from the front and says where it ends.
 *
 * A batch is written only after the one before it is durable. So an invalid batch with nothing valid behind it is a
 * torn tail: it was never acknowledged, and is cut off. An invalid batch with a valid one behind it, or in the base,
 * is damage: the file is refused, because cutting it off would lose what was acknowledged.
 */
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import {
  BATCH_HEADER_BYTES,
  decodeBatchHeader,
  decodeRecords,
  findLaterBatch,
  journalBatchBytesMax,
} from "#runtime/journal/batch.ts";
import { decodeFileHeader, FILE_HEADER_BYTES, type FileHeader } from "#runtime/journal/file-header.ts";
import { MiB } from "#runtime/units.ts";

/** Acknowledged records cannot be read back. Final: restore the file, or remove it and lose what it held. */
export interface JournalDamaged extends Failure<"journal.damaged"> {
  readonly path: string;
  /** Where the damaged header or batch begins, in bytes from the start of the file. */
  readonly position: number;
  readonly part: "file-header" | "base" | "batch";
}

export interface Replayed {
  readonly header: FileHeader;
  /** Sequence of the last batch; 0 when there is none. */
  readonly sequence: number;
  /** Where the base ends. */
  readonly baseBytes: number;
  /** Where the last batch begins and ends; equal when there is none. */
  readonly lastBatchStart: number;
  readonly endBytes: number;
  /** What the file holds beyond `endBytes`: a torn tail. */
  readonly tornBytes: number;
}

/** Bytes that one read of a replay asks for. */
const readAheadBytes = 1 * MiB;

/** Hands every record to `apply`, in order. After a failure `apply` has seen a part, and its state is to be dropped. */
export async function replay(
  disk: Disk,
  descriptor: number,
  path: string,
  apply: (record: Uint8Array) => void,
): Promise<Result<Replayed, JournalDamaged | DiskFailure>> {
  const size = await disk.sizeBytes(descriptor);
  if (!size.ok) return size;
  const window = new Window(disk, descriptor);
  const front = await window.at(0, FILE_HEADER_BYTES);
  if (!front.ok) return front;
  const header = decodeFileHeader(front.value);
  if (header === undefined) return fail({ code: "journal.damaged", path, position: 0, part: "file-header" });

  let sequence = 0;
  let baseBytes = FILE_HEADER_BYTES;
  let lastBatchStart = FILE_HEADER_BYTES;
  let endBytes = FILE_HEADER_BYTES;
  for (;;) {
    const batch = await readBatch(window, header.salt, sequence + 1, endBytes);
    if (!batch.ok) return batch;
    if (batch.value === undefined) break;
    for (const record of batch.value.records) apply(record);
    sequence += 1;
    lastBatchStart = endBytes;
    endBytes += batch.value.sizeBytes;
    if (sequence === header.baseBatchCount) baseBytes = endBytes;
  }

  const tornBytes = size.value - endBytes;
  const damaged = (part: JournalDamaged["part"]) =>
    fail({ code: "journal.damaged", path, position: endBytes, part }) satisfies Result<never, JournalDamaged>;
  if (sequence < header.baseBatchCount) return damaged("base");
  // More than one batch can hold was never written by a single one.
  if (tornBytes > BATCH_HEADER_BYTES + journalBatchBytesMax) return damaged("batch");
  const tail = await window.at(endBytes, tornBytes);
  if (!tail.ok) return tail;
  if (findLaterBatch(header.salt, sequence + 1, tail.value) !== undefined) return damaged("batch");
  return ok({ header, sequence, baseBytes, lastBatchStart, endBytes, tornBytes });
}

interface ReadBatch {
  readonly records: readonly Buffer[];
  readonly sizeBytes: number;
}

/** Undefined when no whole batch with this sequence begins at `position`. */
async function readBatch(
  window: Window,
  salt: number,
  sequence: number,
  position: number,
): Promise<Result<ReadBatch | undefined, DiskFailure>> {
  const front = await window.at(position, BATCH_HEADER_BYTES);
  if (!front.ok) return front;
  const header = decodeBatchHeader(salt, front.value);
  if (header?.sequence !== sequence) return ok(undefined);

  const payload = await window.at(position + BATCH_HEADER_BYTES, header.payloadBytes);
  if (!payload.ok) return payload;
  const records = decodeRecords(header, payload.value);
  return ok(records && { records, sizeBytes: BATCH_HEADER_BYTES + header.payloadBytes });
}

/** Reads ahead: most batches are much smaller than a read is worth. Views stay valid: nothing is overwritten. */
class Window {
  readonly #disk: Disk;
  readonly #descriptor: number;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(disk: Disk, descriptor: number) {
    this.#disk = disk;
    this.#descriptor = descriptor;
  }

  /** `count` bytes from `position`, fewer only at the end of the file. */
  async at(position: number, count: number): Promise<Result<Buffer, DiskFailure>> {
    const from = position - this.#start;
    if (from >= 0 && from + count <= this.#bytes.length) return ok(this.#bytes.subarray(from, from + count));
    const bytes = Buffer.allocUnsafe(Math.max(count, readAheadBytes));
    const read = await this.#disk.read(this.#descriptor, bytes, position);
    if (!read.ok) return read;
    this.#start = position;
    this.#bytes = bytes.subarray(0, read.value);
    return ok(this.#bytes.subarray(0, count));
  }
}
