/**
 * Opens a journal: replays what is there, repairs a torn tail, clears away what a crash left over.
 */
import { posix } from "node:path";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { nameBase, writeBase } from "#runtime/journal/base.ts";
import { fileName, fileNumber, isJournalName, newSalt } from "#runtime/journal/file-header.ts";
import { Journal, type JournalOptions, type OpenFile } from "#runtime/journal/journal.ts";
import { type JournalDamaged, replay } from "#runtime/journal/replay.ts";

/**
 * Answers with a journal ready to append. After a failure `apply` may have seen a part: its state is to be dropped.
 * Damage is refused and nothing is changed; the newest file is never given up for an older one.
 */
export async function openJournal(options: JournalOptions): Promise<Result<Journal, JournalDamaged | DiskFailure>> {
  const { disk, directory } = options;
  const made = await disk.makeDirectory(directory);
  if (!made.ok) return made;
  const listed = await disk.list(directory);
  if (!listed.ok) return listed;
  const newest = Math.max(0, ...listed.value.map(({ name }) => fileNumber(name) ?? 0));

  const opened = newest === 0 ? await createFirst(options) : await openFile(options, newest);
  if (!opened.ok) return opened;
  const synced = await disk.syncDirectory(directory);
  if (!synced.ok) {
    await disk.close(opened.value.descriptor);
    return synced;
  }
  // Left by a crash while a file was being rewritten. One that cannot be removed now is removed another time.
  const current = fileName(opened.value.number);
  for (const { name } of listed.value) {
    if (name !== current && isJournalName(name)) await disk.remove(`${directory}/${name}`);
  }
  return ok(new Journal(options, opened.value));
}

async function createFirst(options: JournalOptions): Promise<Result<OpenFile, DiskFailure>> {
  const { disk, directory } = options;
  const durable = await disk.syncDirectory(posix.dirname(directory));
  if (!durable.ok) return durable;
  const base = await writeBase(disk, directory, 1, newSalt(options.random), options.snapshot());
  if (!base.ok) return base;
  const named = await nameBase(disk, directory, 1);
  if (named.ok) return ok({ ...base.value, baseBytes: base.value.sizeBytes });
  await disk.close(base.value.descriptor);
  return named;
}

async function openFile(
  { disk, directory, apply }: JournalOptions,
  number: number,
): Promise<Result<OpenFile, JournalDamaged | DiskFailure>> {
  const path = `${directory}/${fileName(number)}`;
  const opened = await disk.open(path, "write");
  if (!opened.ok) return opened;
  const descriptor = opened.value;
  const repaired = await replayAndRepair(disk, descriptor, path, apply);
  if (!repaired.ok) {
    await disk.close(descriptor);
    return repaired;
  }
  return ok({ descriptor, number, ...repaired.value });
}

async function replayAndRepair(
  disk: Disk,
  descriptor: number,
  path: string,
  apply: (record: Uint8Array) => void,
): Promise<Result<Omit<OpenFile, "descriptor" | "number">, JournalDamaged | DiskFailure>> {
  const replayed = await replay(disk, descriptor, path, apply);
  if (!replayed.ok) return replayed;
  const { header, sequence, baseBytes, lastBatchStart, endBytes, tornBytes } = replayed.value;
  const truncated = tornBytes > 0 ? await disk.truncate(descriptor, endBytes) : ok();
  if (!truncated.ok) return truncated;

  // The last batch is whole as far as this process sees, which proves nothing about the disk: its sync may have failed.
  // Writing the same bytes again makes the system try again, and harms nothing where they were there.
  const last = new Uint8Array(endBytes - lastBatchStart);
  const read = await disk.read(descriptor, last, lastBatchStart);
  if (!read.ok) return read;
  const written = await disk.write(descriptor, [last], lastBatchStart);
  if (!written.ok) return written;
  const synced = await disk.sync(descriptor);
  if (!synced.ok) return synced;
  return ok({ salt: header.salt, sequence, sizeBytes: endBytes, baseBytes });
}
