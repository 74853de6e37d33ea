/** Files of the spill, read: how many records one has, and all of it at once. */
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { BATCH_HEADER_BYTES, type BatchHeader, decodeBatchHeader, decodeRecords } from "#runtime/journal/batch.ts";

/**
 * As its headers say, up to the first that cannot be read: the rest is seen when the file is. Only of the last one the payload
 * is looked at, which may be a torn write.
 *
 * What is counted is durable, because it is promised from now on. All but the last batch was synced before the next one was written.
 * That one may be in memory alone, and where a sync of it has failed it would stay there, so it is written again.
 */
export async function countRecords(disk: Disk, path: string, salt: number): Promise<number> {
  const opened = await disk.open(path, "write");
  if (!opened.ok) return 0;
  const descriptor = opened.value;
  const front = Buffer.alloc(BATCH_HEADER_BYTES);
  let [count, at] = [0, 0];
  let last: { readonly header: BatchHeader; readonly at: number } | undefined;
  for (;;) {
    const read = await disk.read(descriptor, front, at);
    const header = read.ok ? decodeBatchHeader(salt, front.subarray(0, read.value)) : undefined;
    if (header === undefined) break;
    count += header.recordCount;
    last = { header, at };
    at += BATCH_HEADER_BYTES + header.payloadBytes;
  }
  if (last !== undefined && !(await isDurable(disk, descriptor, last))) count -= last.header.recordCount;
  await disk.close(descriptor);
  return count;
}

/** No larger than the spill makes one. */
export async function readWhole(disk: Disk, path: string): Promise<Result<Buffer, DiskFailure>> {
  const opened = await disk.open(path, "read");
  if (!opened.ok) return opened;
  const descriptor = opened.value;
  const size = await disk.sizeBytes(descriptor);
  const read = size.ok ? await readAt(disk, descriptor, 0, size.value) : size;
  await disk.close(descriptor);
  return read;
}

/** The one that says that a file is complete has no records, and came behind what was durable. */
async function isDurable(
  disk: Disk,
  descriptor: number,
  { header, at }: { readonly header: BatchHeader; readonly at: number },
): Promise<boolean> {
  if (header.recordCount === 0) return true;
  const read = await readAt(disk, descriptor, at, BATCH_HEADER_BYTES + header.payloadBytes);
  if (!read.ok || decodeRecords(header, read.value.subarray(BATCH_HEADER_BYTES)) === undefined) return false;
  const written = await disk.write(descriptor, [read.value], at);
  return written.ok && (await disk.sync(descriptor)).ok;
}

async function readAt(
  disk: Disk,
  descriptor: number,
  position: number,
  sizeBytes: number,
): Promise<Result<Buffer, DiskFailure>> {
  const bytes = Buffer.alloc(sizeBytes);
  const read = await disk.read(descriptor, bytes, position);
  return read.ok ? ok(bytes.subarray(0, read.value)) : read;
}
