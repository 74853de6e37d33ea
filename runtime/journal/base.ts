/**
 * Makes a journal file that begins with a given state, and gives it its name only when all of it is durable.
 */
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import {
  encodeBatch,
  journalBatchBytesMax,
  journalRecordBytesMax,
  RECORD_HEADER_BYTES,
} from "#runtime/journal/batch.ts";
import { encodeFileHeader, FILE_HEADER_BYTES, fileName, newFileName } from "#runtime/journal/file-header.ts";

export interface BaseFile {
  readonly descriptor: number;
  readonly number: number;
  readonly salt: number;
  /** Batches of the base; the next one has the sequence after it. */
  readonly sequence: number;
  readonly sizeBytes: number;
}

/** Writes and syncs `<number>.log.new`. After a failure nothing of it is left, as far as the disk allows. */
export async function writeBase(
  disk: Disk,
  directory: string,
  number: number,
  salt: number,
  records: Iterable<Uint8Array>,
): Promise<Result<BaseFile, DiskFailure>> {
  const path = `${directory}/${newFileName(number)}`;
  const opened = await disk.open(path, "create");
  if (!opened.ok) return opened;
  const descriptor = opened.value;
  const written = await fill(disk, descriptor, number, salt, records);
  if (written.ok) return ok({ descriptor, number, salt, ...written.value });

  // Both may fail in their turn; what stays is removed when the journal is opened again.
  await disk.close(descriptor);
  await disk.remove(path);
  return written;
}

/** Gives a written base its name, durably. After a failure it is unknown whether the name will survive. */
export async function nameBase(disk: Disk, directory: string, number: number): Promise<Result<void, DiskFailure>> {
  const renamed = await disk.rename(`${directory}/${newFileName(number)}`, `${directory}/${fileName(number)}`);
  return renamed.ok ? await disk.syncDirectory(directory) : renamed;
}

async function fill(
  disk: Disk,
  descriptor: number,
  number: number,
  salt: number,
  records: Iterable<Uint8Array>,
): Promise<Result<{ readonly sequence: number; readonly sizeBytes: number }, DiskFailure>> {
  const emptied = await disk.truncate(descriptor, 0);
  if (!emptied.ok) return emptied;
  let sequence = 0;
  let sizeBytes = FILE_HEADER_BYTES;
  for (const batch of inBatches(records)) {
    const bytes = encodeBatch(salt, sequence + 1, batch);
    const written = await disk.write(descriptor, [bytes], sizeBytes);
    if (!written.ok) return written;
    sequence += 1;
    sizeBytes += bytes.length;
  }
  const header = encodeFileHeader({ salt, number, baseBatchCount: sequence });
  const written = await disk.write(descriptor, [header], 0);
  if (!written.ok) return written;
  const synced = await disk.sync(descriptor);
  return synced.ok ? ok({ sequence, sizeBytes }) : synced;
}

function* inBatches(records: Iterable<Uint8Array>): Generator<readonly Uint8Array[]> {
  let batch: Uint8Array[] = [];
  let batchBytes = 0;
  for (const record of records) {
    assert(record.length <= journalRecordBytesMax, "a snapshot consists of records that could be appended");
    const recordBytes = RECORD_HEADER_BYTES + record.length;
    if (batchBytes + recordBytes > journalBatchBytesMax) {
      yield batch;
      batch = [];
      batchBytes = 0;
    }
    batch.push(record);
    batchBytes += recordBytes;
  }
  if (batch.length > 0) yield batch;
}
