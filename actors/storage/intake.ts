/** Reading the source of a put into slabs, up to the point where it is known to be small or large. */

import type { Lease, Reservation } from "#runtime/buffers.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { slabBytes } from "#runtime/slabs.ts";
import { MiB } from "#runtime/units.ts";

/** Objects up to this are whole in memory before they are written, and share a batch. They are one chunk. */
export const SMALL_BYTES_MAX: number = 1 * MiB;
/** Slabs of an upload that is known to be large: one is filled while the other is written. */
const SLABS_LARGE = 2;
/** Slabs of an upload of unknown size: as many as a small object takes, and one to see whether there is more. */
const SLABS_UNKNOWN: number = SMALL_BYTES_MAX / slabBytes + 1;

/** Everything that the upload will ever hold. */
export function reservedBytesFor(sizeBytes: number | undefined): number {
  if (sizeBytes === undefined) return SLABS_UNKNOWN * slabBytes;
  return sizeBytes > SMALL_BYTES_MAX ? SLABS_LARGE * slabBytes : Math.max(1, sizeBytes);
}

/** What was read first, in order; `ended` says whether that is all. Undefined when the source failed. */
export interface Beginning {
  readonly leases: readonly Lease[];
  readonly parts: readonly Uint8Array[];
  readonly ended: boolean;
}

/**
 * Reads until the source has ended, or has shown more than `SMALL_BYTES_MAX` bytes, or more than `sizeBytes`. A source
 * that is known to be large is not read at all.
 */
export async function readBeginning(
  source: ByteSource,
  sizeBytes: number | undefined,
  reservation: Reservation,
): Promise<Beginning | undefined> {
  const leases: Lease[] = [];
  const parts: Uint8Array[] = [];
  if (sizeBytes !== undefined && sizeBytes > SMALL_BYTES_MAX) return { leases, parts, ended: false };
  let rest = sizeBytes ?? SLABS_UNKNOWN * slabBytes;
  while (rest > 0) {
    const lease = reservation.lease(Math.min(slabBytes, rest));
    leases.push(lease);
    const filled = await fill(source, lease.bytes);
    if (filled === undefined) return undefined;
    if (filled.count > 0) parts.push(lease.bytes.subarray(0, filled.count));
    if (filled.ended) return { leases, parts, ended: true };
    rest -= filled.count;
  }
  if (sizeBytes === undefined) return { leases, parts, ended: false };
  // The size was said beforehand and is reached: the source has to agree.
  const next = await source.read(new Uint8Array(1));
  return next === FAILED ? undefined : { leases, parts, ended: next === ENDED };
}

/** Fills `into` as far as the source goes; undefined when it failed. */
export async function fill(
  source: ByteSource,
  into: Uint8Array,
): Promise<{ readonly count: number; readonly ended: boolean } | undefined> {
  let count = 0;
  while (count < into.length) {
    const read = await source.read(into.subarray(count));
    if (read === FAILED) return undefined;
    if (read === ENDED) return { count, ended: true };
    count += read;
  }
  return { count, ended: false };
}

/** The slabs with which a large upload goes on: those it has, or new ones. The surplus goes back. */
export function pairOfSlabs(leases: readonly Lease[], reservation: Reservation): readonly [Lease, Lease] {
  const [first = reservation.lease(slabBytes), second = reservation.lease(slabBytes), ...surplus] = leases;
  for (const lease of surplus) lease.release();
  return [first, second];
}
