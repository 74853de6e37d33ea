/**
 * Memory for requests: reserved whole before the first byte is read, leased piece by piece, back when nobody uses it.
 *
 * Invariants:
 * - reserved bytes never exceed `quotaBytes`, and leased plus free bytes never exceed it either;
 * - one reservation per owner: who holds or waits never asks for more, so that no two wait for each other;
 * - reservations are granted first come, first served;
 * - a lease goes back when its last user has released it, never earlier. Where the reservation ended first the lease is
 *   *orphaned*: it still counts against the quota, because a disk or a socket may still be reading it.
 */
import type { Clock } from "#runtime/clock.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import { type Overloaded, type Permit, Permits } from "#runtime/permits.ts";
import type { Within } from "#runtime/ref.ts";
import { type Place, Roster } from "#runtime/roster.ts";
import { Slabs, slabBytes } from "#runtime/slabs.ts";

export interface ReservationsOptions {
  readonly clock: Clock;
  /** All memory that these reservations may ever use, free slabs included. */
  readonly quotaBytes: number;
  /** Requests that may wait; one more is refused with `runtime.overloaded`. */
  readonly waitingMax: number;
  /** Slabs on `SharedArrayBuffer`, for the CPU pool. */
  readonly shared: boolean;
  /** Free slabs kept for reuse, bytes; at most `quotaBytes`. */
  readonly freeBytesMax: number;
}

/** What one request may hold. */
export interface Reservation {
  readonly sizeBytes: number;
  /** Not leased at the moment. */
  readonly freeBytes: number;
  /** A buffer of `sizeBytes`, at most `freeBytes`; exactly one slab is recycled, any other size is made and dropped. */
  lease(sizeBytes: number): Lease;
  /** The request is over. Idempotent. Bytes that are still in use follow as their users finish. */
  release(): void;
}

/** One buffer and the count of its users: a pool task, a disk operation, a socket write. It is made with one user. */
export interface Lease {
  /** Not to be touched after the own `release`; asking for it after the last one is a defect. */
  readonly bytes: Uint8Array;
  /** One more user, who releases it too. */
  retain(): void;
  /** One user fewer. The last one gives the bytes back. */
  release(): void;
}

export class Reservations {
  readonly #permits: Permits;
  readonly #slabs: Slabs;
  readonly #quotaBytes: number;
  readonly #owners = new Roster<object>();
  #leasedBytes = 0;
  #orphanedBytes = 0;

  constructor({ clock, quotaBytes, waitingMax, shared, freeBytesMax }: ReservationsOptions) {
    assert(freeBytesMax <= quotaBytes, "free slabs are part of the quota");
    this.#permits = new Permits({ clock, requestsMax: Number.MAX_SAFE_INTEGER, bytesMax: quotaBytes, waitingMax });
    this.#slabs = new Slabs({ shared, freeMax: Math.floor(freeBytesMax / slabBytes) });
    this.#quotaBytes = quotaBytes;
  }

  /** Granted to requests, and what they left in use. At most the quota. */
  get reservedBytes(): number {
    return this.#permits.held.bytes;
  }
  get leasedBytes(): number {
    return this.#leasedBytes;
  }
  /** Leased, while the reservation is over. Zero at rest; a value that stays is a user that never released. */
  get orphanedBytes(): number {
    return this.#orphanedBytes;
  }
  get freeBytes(): number {
    return this.#slabs.freeBytes;
  }
  get waitingCount(): number {
    return this.#permits.waitingCount;
  }

  /**
   * Waits in line for all the memory that `owner`, one request, will ever hold. More than the quota is refused at once
   * as `too-heavy`; otherwise the wait ends with `within`. `owner` is compared by identity.
   */
  async reserve(owner: object, sizeBytes: number, within: Within): Promise<Result<Reservation, Overloaded>> {
    assert(!this.#owners.has(owner), "a request reserves once, and never while it holds");
    const place = this.#owners.enter(owner);
    const taken = await this.#permits.take({ requests: 0, bytes: sizeBytes }, within, Number.POSITIVE_INFINITY);
    if (!taken.ok) {
      this.#owners.leave(place);
      return taken;
    }
    return ok(this.#reservation(place, sizeBytes, taken.value));
  }

  #reservation(place: Place<object>, sizeBytes: number, permit: Permit): Reservation {
    let leasedBytes = 0;
    let over = false;

    const giveBack = (bytes: Uint8Array, leaseBytes: number): void => {
      leasedBytes -= leaseBytes;
      this.#take(-leaseBytes);
      if (leaseBytes === slabBytes) this.#slabs.give(bytes);
      if (!over) return;
      this.#orphanedBytes -= leaseBytes;
      permit.shrink(leaseBytes);
    };

    return {
      sizeBytes,
      get freeBytes() {
        return over ? 0 : sizeBytes - leasedBytes;
      },
      lease: (leaseBytes) => {
        assert(!over, "nothing is leased from a reservation that is over");
        assert(Number.isInteger(leaseBytes) && leaseBytes > 0, "a lease has a size");
        assert(leasedBytes + leaseBytes <= sizeBytes, "a request leases no more than it reserved");
        leasedBytes += leaseBytes;
        const bytes = leaseBytes === slabBytes ? this.#slabs.take() : new Uint8Array(leaseBytes);
        this.#take(leaseBytes);
        return countedLease(bytes, () => giveBack(bytes, leaseBytes));
      },
      release: () => {
        if (over) return;
        over = true;
        this.#owners.leave(place);
        this.#orphanedBytes += leasedBytes;
        permit.shrink(sizeBytes - leasedBytes);
      },
    };
  }

  #take(bytes: number): void {
    this.#leasedBytes += bytes;
    assert(this.#leasedBytes >= 0 && this.#leasedBytes <= this.#quotaBytes, "leases stay within the quota");
    this.#slabs.trim(this.#quotaBytes - this.#leasedBytes);
  }
}

function countedLease(bytes: Uint8Array, last: () => void): Lease {
  let userCount = 1;
  return {
    get bytes() {
      assert(userCount > 0, "a lease that went back is not touched");
      return bytes;
    },
    retain: () => {
      assert(userCount > 0, "a lease that went back has no further user");
      userCount += 1;
    },
    release: () => {
      assert(userCount > 0, "a lease is released once per user");
      userCount -= 1;
      if (userCount === 0) last();
    },
  };
}
