/**
 * A file of the spill: batches of records, as those of a journal (`runtime/journal/batch.ts`), from sequence 1 on, each durable
 * before the next one is written. One without records says that the file is complete.
 *
 * There is no header: what tells its batches from imitations in their records stands in its name, where no damaged byte of it
 * takes the rest along.
 */
import { BATCH_HEADER_BYTES, decodeBatchHeader, decodeRecords, findLaterBatch } from "#runtime/journal/batch.ts";

export interface SegmentName {
  /** Of its first row, counted from 1 over all files there ever were: a larger one is younger. */
  readonly number: number;
  readonly salt: number;
  /** It was set aside, because something of it cannot be read. */
  readonly isDamaged: boolean;
}

export interface SegmentContents {
  readonly records: readonly Buffer[];
  /** Bytes of batches that were durable and cannot be read, others behind them can. */
  readonly damagedBytes: number;
  /** Records in those, at least. */
  readonly lostCountMin: number;
  /** Bytes behind all that can be read. */
  readonly tornBytes: number;
}

const NAME = /^([0-9a-f]{12})-([0-9a-f]{8})\.(spill|damaged)$/;

export function writeSegmentName({ number, salt, isDamaged }: SegmentName): string {
  const hex = `${number.toString(16).padStart(12, "0")}-${salt.toString(16).padStart(8, "0")}`;
  return `${hex}.${isDamaged ? "damaged" : "spill"}`;
}

/** Undefined for what is no file of the spill. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const [, number, salt, kind] = NAME.exec(name) ?? [];
  if (number === undefined || salt === undefined) return undefined;
  return { number: Number.parseInt(number, 16), salt: Number.parseInt(salt, 16), isDamaged: kind === "damaged" };
}

/**
 * All that can be read. What is behind the last batch that can be is a torn write, unless somebody knows of more that was
 * durable: that is not to be seen here.
 */
export function readSegment(salt: number, bytes: Buffer): SegmentContents {
  const records: Buffer[] = [];
  let [at, sequence, damagedBytes, lostCountMin] = [0, 0, 0, 0];
  while (at < bytes.length) {
    const header = decodeBatchHeader(salt, bytes.subarray(at));
    const end = at + BATCH_HEADER_BYTES + (header?.payloadBytes ?? 0);
    const isNext = header !== undefined && header.sequence > sequence;
    const found = isNext ? decodeRecords(header, bytes.subarray(at + BATCH_HEADER_BYTES, end)) : undefined;
    if (header !== undefined && found !== undefined) {
      for (const record of found) records.push(record);
      sequence = header.sequence;
      at = end;
      continue;
    }
    const next = findLaterBatch(salt, isNext ? header.sequence : sequence, bytes, at + 1);
    if (next === undefined) break;
    damagedBytes += next - at;
    lostCountMin += isNext ? header.recordCount : 1;
    at = next;
  }
  return { records, damagedBytes, lostCountMin, tornBytes: bytes.length - at };
}
