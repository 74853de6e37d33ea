/**
 * The mark of a pack whose front is lost with the catalog, told by its records.
 *
 * Where the header of a record is damaged too, what a client has stored in it is in the open, and may look like records of
 * another mark. So only records that hold are asked, and what does not hold is looked into. Where they disagree, the pack's
 * own are those that go on to its end: what a client has stored ends before. It may also be made so that what does not hold
 * takes long to read: then the search ends early, and its answer is not certain.
 */
import type { PackFiles } from "#actors/storage/pack-files.ts";
import { PACK_HEADER_BYTES } from "#actors/storage/pack-format.ts";
import { type FoundRecord, type OnUnreadable, scanRecords } from "#actors/storage/pack-scan.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { digestOfRecord, RECORD_ALIGNMENT_BYTES } from "#actors/storage/record.ts";
import type { RecordCheck } from "#actors/storage/record-check.ts";

/** Bytes of records that are read to tell the mark, as a multiple of the size of the pack. */
export const LOST_MARK_READS_MAX = 4;

export interface LostMarkDeps {
  readonly files: PackFiles;
  readonly check: RecordCheck;
  readonly pause: Pause;
  readonly onUnreadable: OnUnreadable;
}

export interface LostMark {
  readonly mark: Uint8Array;
  /** False where records of another mark are there, too, or not all were looked at. */
  readonly isCertain: boolean;
}

/** Undefined where there is no record at all. */
export async function findMark(pack: number, sizeBytes: number, deps: LostMarkDeps): Promise<LostMark | undefined> {
  let first: Uint8Array | undefined;
  let last: Uint8Array | undefined;
  let isCertain = true;
  let from: number | undefined = 0;
  let leftBytes = LOST_MARK_READS_MAX * sizeBytes;
  while (from !== undefined) {
    const records = scanRecords(deps.files, pack, undefined, from, sizeBytes, deps.onUnreadable);
    from = undefined;
    for await (const found of records) {
      const { mark } = found.header;
      first ??= mark;
      leftBytes -= found.header.payloadBytes;
      if (leftBytes < 0) return { mark: last ?? first, isCertain: false };
      if (!(await holds(found, deps))) {
        from = found.position + RECORD_ALIGNMENT_BYTES;
        break;
      }
      // Nothing that a client has stored lies there.
      if (found.position === PACK_HEADER_BYTES) return { mark, isCertain: true };
      if (last !== undefined && Buffer.compare(mark, last) !== 0) isCertain = false;
      last = mark;
      await deps.pause.ifDue();
    }
  }
  const mark = last ?? first;
  return mark === undefined ? undefined : { mark, isCertain };
}

async function holds({ pack, position, header }: FoundRecord, { check, onUnreadable }: LostMarkDeps): Promise<boolean> {
  const held = await check.holds(digestOfRecord(header), { pack, position, ...header });
  if (!held.ok) onUnreadable(held.failure, pack, position);
  return held.ok && held.value;
}
