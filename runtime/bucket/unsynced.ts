/**
 * Bytes of a file that were written and are in no object yet.
 *
 * Invariant: runs are in order of their starts and do not overlap; their bytes never change.
 */
import { KiB } from "#runtime/units.ts";

/** A longer hole between extents stays one: a shorter one is filled with zeros where that makes fewer objects. */
export const HOLE_BYTES_MAX: number = 64 * KiB;

/** Bytes of the file from `start`. */
export interface Run {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Runs as one, with zeros where nothing is between them. */
export interface JoinedRun {
  readonly start: number;
  readonly lengthBytes: number;
  readonly parts: readonly Uint8Array[];
}

export class Unsynced {
  #runs: Run[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Behind the last byte. */
  get end(): number {
    const last = this.#runs.at(-1);
    return last === undefined ? 0 : last.start + last.bytes.length;
  }

  /** `bytes` belong to it from now on, and are newer than what was there. */
  write(start: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const end = start + bytes.length;
    const last = this.#runs.at(-1);
    if (last !== undefined && last.start + last.bytes.length > start) {
      const before = this.#runs.flatMap((run) => upTo(run, start));
      const after = this.#runs.flatMap((run) => behind(run, end));
      this.#runs = [...before, { start, bytes }, ...after];
    } else this.#runs.push({ start, bytes });
    this.#count();
  }

  cut(sizeBytes: number): void {
    this.#runs = this.#runs.flatMap((run) => upTo(run, sizeBytes));
    this.#count();
  }

  /** All of it; nothing is left. */
  take(): readonly Run[] {
    const runs = this.#runs;
    this.#runs = [];
    this.#sizeBytes = 0;
    return runs;
  }

  /** The runs that have bytes between the two places. They stay as they are while more is written. */
  within(from: number, to: number): readonly Run[] {
    return this.#runs.filter(({ start, bytes }) => start < to && start + bytes.length > from);
  }

  #count(): void {
    this.#sizeBytes = this.#runs.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}

/** Copies what runs have of the range that begins at `position` over `into`. */
export function layOver(into: Uint8Array, position: number, runs: readonly Run[]): void {
  for (const run of runs) {
    const from = Math.max(position, run.start);
    const to = Math.min(position + into.length, run.start + run.bytes.length);
    if (from < to) into.set(run.bytes.subarray(from - run.start, to - run.start), from - position);
  }
}

/**
 * Runs in order, put together to at most `bytesMax` each: those that touch, and those with a short hole between them, which
 * is what `isHole` says. Records leave such holes, and an object for each side would be twice as many.
 */
export function joinRuns(
  runs: readonly Run[],
  bytesMax: number,
  isHole: (from: number, to: number) => boolean,
): readonly JoinedRun[] {
  const joined: { start: number; lengthBytes: number; parts: Uint8Array[] }[] = [];
  for (const { start, bytes } of runs) {
    const before = joined.at(-1);
    const end = before === undefined ? start : before.start + before.lengthBytes;
    const gap = start - end;
    const isShort = gap > 0 && gap <= HOLE_BYTES_MAX && before !== undefined && before.lengthBytes + gap < bytesMax;
    if (isShort && isHole(end, start)) {
      before.parts.push(new Uint8Array(gap));
      before.lengthBytes += gap;
    }
    for (let done = 0; done < bytes.length; ) {
      const last = joined.at(-1);
      const isNext =
        last !== undefined && last.start + last.lengthBytes === start + done && last.lengthBytes < bytesMax;
      const room = isNext ? bytesMax - last.lengthBytes : bytesMax;
      const part = bytes.subarray(done, done + room);
      if (isNext) {
        last.parts.push(part);
        last.lengthBytes += part.length;
      } else joined.push({ start: start + done, lengthBytes: part.length, parts: [part] });
      done += part.length;
    }
  }
  return joined;
}

function upTo(run: Run, end: number): readonly Run[] {
  if (run.start >= end) return [];
  return [{ start: run.start, bytes: run.bytes.subarray(0, end - run.start) }];
}

function behind(run: Run, start: number): readonly Run[] {
  if (run.start + run.bytes.length <= start) return [];
  const gone = Math.max(0, start - run.start);
  return [{ start: run.start + gone, bytes: run.bytes.subarray(gone) }];
}
