/**
 * Reading the source of a put into slabs, up to the point where it is known to be small or large.
 *
 * All slabs of a put belong to its `Intake`, which gives them back together, once, however the put ends: whoever fills
 * or writes one has nothing to release, and so nothing to forget.
 */
import type { Lease, Reservation } from "#runtime/buffers.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { slabBytes } from "#runtime/slabs.ts";
import { MiB } from "#runtime/units.ts";

/**
 * Objects up to this are whole in memory before they are written, and share a batch. They are one chunk, and larger ones
 * are cut, whether their size was announced or not: the same bytes have one manifest (decision 0003).
 */
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

/** What was read first, in order; `ended` says whether that is all. */
export interface Beginning {
  readonly parts: readonly Uint8Array[];
  readonly sizeBytes: number;
  readonly ended: boolean;
}

/** The memory of one put. */
export class Intake {
  readonly #reservation: Reservation;
  readonly #leases: Lease[] = [];

  constructor(reservation: Reservation) {
    this.#reservation = reservation;
  }

  /** A buffer of this put's own, until `release`. */
  lease(sizeBytes: number): Uint8Array {
    const lease = this.#reservation.lease(sizeBytes);
    this.#leases.push(lease);
    return lease.bytes;
  }

  /** The slabs with which a large upload goes on: those it has, or new ones. Nobody reads the old ones any more. */
  pairOfSlabs(): readonly [Uint8Array, Uint8Array] {
    const [first, second] = this.#leases;
    return [first?.bytes ?? this.lease(slabBytes), second?.bytes ?? this.lease(slabBytes)];
  }

  /** The put is over, and no write that reads a slab is under way any more. To be called once. */
  release(): void {
    for (const lease of this.#leases) lease.release();
    this.#reservation.release();
  }
}

/**
 * Reads until the source has ended, or has shown more than `SMALL_BYTES_MAX` bytes, or more than `sizeBytes`. A source
 * that is known to be large is not read at all. Undefined when it failed.
 */
export async function readBeginning(
  source: ByteSource,
  sizeBytes: number | undefined,
  intake: Intake,
): Promise<Beginning | undefined> {
  const parts: Uint8Array[] = [];
  let seenBytes = 0;
  const seen = (ended: boolean): Beginning => ({ parts, sizeBytes: seenBytes, ended });
  if (sizeBytes !== undefined && sizeBytes > SMALL_BYTES_MAX) return seen(false);
  let rest = sizeBytes ?? SLABS_UNKNOWN * slabBytes;
  while (rest > 0) {
    const slab = intake.lease(Math.min(slabBytes, rest));
    const filled = await fill(source, slab);
    if (filled === undefined) return undefined;
    if (filled.count > 0) parts.push(slab.subarray(0, filled.count));
    seenBytes += filled.count;
    if (filled.ended) return seen(true);
    rest -= filled.count;
  }
  if (sizeBytes === undefined) return seen(false);
  // The size was said beforehand and is reached: the source has to agree.
  const next = await source.read(new Uint8Array(1));
  return next === FAILED ? undefined : seen(next === ENDED);
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
