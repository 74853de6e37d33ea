/**
 * Which small extents of a file are put together, so that a file that is synced often does not come to have many.
 *
 * A run of `MERGE_RUN` neighbours that are all small becomes few large ones. "Small" grows in steps, so that a byte is
 * written a few times over at most, and a file of n bytes has about n / 8 MiB extents and `MERGE_RUN` for each step.
 */
import type { Piece } from "#runtime/bucket/extent-table.ts";
import { HOLE_BYTES_MAX } from "#runtime/bucket/unsynced.ts";
import { KiB, MiB } from "#runtime/units.ts";

/** The longest extent: what one put carries. */
export const EXTENT_BYTES_MAX: number = 8 * MiB;
/** Small neighbours that are merged. */
export const MERGE_RUN = 32;
/** With as many pieces all of the file is written anew, whatever their sizes. */
export const PIECES_MAX = 1024;

const STEPS_BYTES: readonly number[] = [256 * KiB, 2 * MiB, EXTENT_BYTES_MAX];

/** Bytes of a file, with no hole in them but short ones. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** What is to be written anew, in stretches of at most `EXTENT_BYTES_MAX`; nothing, most of the time. */
export function planMerge(pieces: readonly Piece[]): readonly Stretch[] {
  if (pieces.length > PIECES_MAX) return stretchesOf(pieces);
  for (const [index, stepBytes] of STEPS_BYTES.entries()) {
    // Smaller ones go along, but do not count: what was merged in this step would else be merged again and again with them.
    const leastBytes = STEPS_BYTES[index - 1] ?? 0;
    for (const run of runsOf(pieces, (piece) => lengthOf(piece) < stepBytes)) {
      if (run.filter((piece) => lengthOf(piece) >= leastBytes).length >= MERGE_RUN) return stretchesOf(run);
    }
  }
  return [];
}

function lengthOf({ from, to }: Piece): number {
  return to - from;
}

/** Neighbours, with no long hole between them, that are all small. */
function runsOf(pieces: readonly Piece[], isSmall: (piece: Piece) => boolean): readonly (readonly Piece[])[] {
  const runs: Piece[][] = [[]];
  for (const piece of pieces) {
    const last = runs.at(-1)?.at(-1);
    if (!isSmall(piece) || (last !== undefined && piece.from - last.to > HOLE_BYTES_MAX)) runs.push([]);
    if (isSmall(piece)) runs.at(-1)?.push(piece);
  }
  return runs;
}

function stretchesOf(pieces: readonly Piece[]): readonly Stretch[] {
  const stretches: { from: number; to: number }[] = [];
  for (const piece of pieces) {
    for (let from = piece.from; from < piece.to; ) {
      const last = stretches.at(-1);
      const isNear = last !== undefined && from - last.to <= HOLE_BYTES_MAX;
      const isNext = isNear && from - last.from < EXTENT_BYTES_MAX;
      const to = Math.min(piece.to, (isNext ? last.from : from) + EXTENT_BYTES_MAX);
      if (isNext) last.to = to;
      else stretches.push({ from, to });
      from = to;
    }
  }
  return stretches;
}
