/** Reservations and leases: never over the quota, first come first served, all back at the end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Lease, type Reservation, Reservations } from "#runtime/buffers.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { Slabs, slabBytes } from "#runtime/slabs.ts";

const quotaBytes = 4 * slabBytes;

function start(options: { waitingMax?: number; shared?: boolean; freeBytesMax?: number } = {}) {
  const clock = new ManualClock();
  const reservations = new Reservations({
    clock,
    quotaBytes,
    waitingMax: 8,
    shared: false,
    freeBytesMax: quotaBytes,
    ...options,
  });
  return { clock, reservations };
}

function within(deadlineMs = Number.POSITIVE_INFINITY): Within & { readonly abort: () => void } {
  const controller = new AbortController();
  return { deadlineMs, signal: controller.signal, abort: () => controller.abort() };
}

function granted(result: Result<Reservation, Failure>): Reservation {
  assert(result.ok, JSON.stringify(result));
  return result.value;
}

describe("buffers: reserve", () => {
  it("grants up to the quota and makes the next one wait until there is room", async () => {
    const { clock, reservations } = start();
    const first = granted(await reservations.reserve({}, quotaBytes, within()));
    let entered = false;
    const waiting = reservations.reserve({}, 1, within()).then((result) => {
      entered = true;
      return granted(result);
    });

    await clock.settle();
    const before = entered;
    first.release();
    const second = await waiting;

    assert.equal(before, false);
    assert.equal(reservations.reservedBytes, 1);
    second.release();
    assert.equal(reservations.reservedBytes, 0);
  });

  it("refuses more than the whole quota at once", async () => {
    const { reservations } = start();

    const refused = await reservations.reserve({}, quotaBytes + 1, within());

    assert.equal(!refused.ok && refused.failure.reason, "too-heavy");
  });

  it("takes a second reservation of one owner, while it holds or waits, for a defect", async () => {
    const { reservations } = start();
    const owner = {};
    const held = granted(await reservations.reserve(owner, 1, within()));

    await assert.rejects(reservations.reserve(owner, 1, within()), /reserves once/);
    held.release();
    const again = granted(await reservations.reserve(owner, quotaBytes, within()));
    const waiting = {};
    void reservations.reserve(waiting, 1, within());
    await assert.rejects(reservations.reserve(waiting, 1, within()), /reserves once/);
    again.release();
  });

  it("ends a wait with its caller, and lets that caller try again", async () => {
    const { reservations } = start();
    const first = granted(await reservations.reserve({}, quotaBytes, within()));
    const owner = {};
    const impatient = within();

    const waiting = reservations.reserve(owner, 1, impatient);
    impatient.abort();
    const gaveUp = await waiting;
    first.release();
    const again = await reservations.reserve(owner, 1, within());

    assert.equal(!gaveUp.ok && gaveUp.failure.reason, "gave-up");
    assert(again.ok);
    assert.equal(reservations.waitingCount, 0);
  });
});

describe("buffers: lease", () => {
  it("hands out what was reserved and not a byte more", async () => {
    const { reservations } = start();
    const reservation = granted(await reservations.reserve({}, 100, within()));

    const lease = reservation.lease(60);
    const free = reservation.freeBytes;

    assert.equal(lease.bytes.length, 60);
    assert.equal(free, 40);
    assert.throws(() => reservation.lease(41), /no more than it reserved/);
    reservation.lease(40).release();
    lease.release();
    assert.equal(reservation.freeBytes, 100);
  });

  it("goes back when its last user is done, not earlier", async () => {
    const { reservations } = start();
    const reservation = granted(await reservations.reserve({}, slabBytes, within()));
    const lease = reservation.lease(slabBytes);

    lease.retain();
    lease.release();
    const between = [reservations.leasedBytes, lease.bytes.length];
    lease.release();

    assert.deepEqual(between, [slabBytes, slabBytes]);
    assert.equal(reservations.leasedBytes, 0);
    assert.throws(() => lease.bytes, /not touched/);
    assert.throws(() => lease.release(), /once per user/);
    assert.throws(() => lease.retain(), /no further user/);
  });

  it("that outlives its reservation is orphaned and keeps its bytes from others until it is done", async () => {
    const { clock, reservations } = start();
    const reservation = granted(await reservations.reserve({}, quotaBytes, within()));
    const lease = reservation.lease(slabBytes);

    reservation.release();
    reservation.release();
    const orphaned = [reservations.orphanedBytes, reservations.reservedBytes];
    let entered = false;
    void reservations.reserve({}, quotaBytes, within()).then(() => {
      entered = true;
    });
    await clock.settle();
    const before = entered;
    lease.release();
    await clock.settle();

    assert.deepEqual(orphaned, [slabBytes, slabBytes]);
    assert.equal(before, false);
    assert.equal(entered, true);
    assert.equal(reservations.orphanedBytes, 0);
    assert.throws(() => reservation.lease(1), /that is over/);
    assert.equal(reservation.freeBytes, 0);
  });

  it("of one slab is recycled, and the free ones never push the total over the quota", async () => {
    const { reservations } = start();
    const reservation = granted(await reservations.reserve({}, quotaBytes, within()));
    const first = reservation.lease(slabBytes);
    const { buffer } = first.bytes;

    first.release();
    const kept = reservations.freeBytes;
    const second = reservation.lease(slabBytes);
    const same = second.bytes.buffer === buffer;
    second.release();
    const large = reservation.lease(quotaBytes - 1);

    assert.equal(kept, slabBytes);
    assert(same);
    assert.equal(reservations.freeBytes, 0);
    large.release();
  });

  it("is shared memory where the pool is to read it", async () => {
    const { reservations } = start({ shared: true });
    const reservation = granted(await reservations.reserve({}, slabBytes, within()));

    assert(reservation.lease(slabBytes).bytes.buffer instanceof SharedArrayBuffer);
  });
});

describe("buffers: slabs", () => {
  it("keeps as many as it may, drops one more, and trims", () => {
    const slabs = new Slabs({ shared: false, freeMax: 2 });
    const taken = [slabs.take(), slabs.take(), slabs.take()];

    for (const slab of taken) slabs.give(slab);
    const kept = slabs.freeBytes;
    slabs.trim(slabBytes);

    assert.equal(kept, 2 * slabBytes);
    assert.equal(slabs.freeBytes, slabBytes);
    assert.throws(() => slabs.give(new Uint8Array(10)), /whole slabs/);
  });
});

type Step =
  | { readonly kind: "reserve"; readonly units: number }
  | { readonly kind: "lease"; readonly at: number; readonly slab: boolean }
  | { readonly kind: "retain" | "release-lease" | "release" | "abort"; readonly at: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("reserve" as const), units: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ kind: fc.constant("lease" as const), at: fc.nat(9), slab: fc.boolean() }),
    fc.record({
      kind: fc.constantFrom("retain" as const, "release-lease" as const, "release" as const, "abort" as const),
      at: fc.nat(9),
    }),
  ),
  { maxLength: 80, size: "max" },
);

/** Enough promise turns for whatever one step sets off. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 16; turn += 1) await undefined;
}

describe("buffers: any script", () => {
  it("stays within the quota, serves in order, and has everything back at the end", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script: readonly Step[]) => {
        const { reservations } = start({ waitingMax: 100 });
        const held: Reservation[] = [];
        const leases: { readonly lease: Lease; users: number; readonly bytes: number }[] = [];
        const waiting: { readonly id: number; readonly abort: () => void }[] = [];
        const entered: number[] = [];
        let arrivals = 0;

        for (const step of script) {
          const at = "at" in step ? step.at : 0;
          const reservation = held[at % Math.max(held.length, 1)];
          const used = leases[at % Math.max(leases.length, 1)];
          if (step.kind === "reserve") {
            const id = arrivals;
            arrivals += 1;
            const context = within();
            waiting.push({ id, abort: context.abort });
            void reservations.reserve({}, (step.units * slabBytes) / 2, context).then((result) => {
              const index = waiting.findIndex((other) => other.id === id);
              if (result.ok) {
                held.push(result.value);
                entered.push(id);
                // Whoever came before and still waits has been overtaken.
                assert.equal(index, 0, "first come, first served");
              }
              waiting.splice(index, 1);
            });
          } else if (step.kind === "abort") waiting[at % Math.max(waiting.length, 1)]?.abort();
          else if (step.kind === "lease" && reservation !== undefined) {
            const bytes = step.slab ? slabBytes : 1000;
            if (reservation.freeBytes >= bytes) leases.push({ lease: reservation.lease(bytes), users: 1, bytes });
          } else if (step.kind === "retain" && used !== undefined) {
            used.lease.retain();
            used.users += 1;
          } else if (step.kind === "release-lease" && used !== undefined) {
            used.lease.release();
            used.users -= 1;
            if (used.users === 0) leases.splice(leases.indexOf(used), 1);
          } else if (step.kind === "release" && reservation !== undefined) {
            held.splice(held.indexOf(reservation), 1);
            reservation.release();
          }
          await turns();
          const leasedBytes = leases.reduce((sum, { bytes }) => sum + bytes, 0);
          assert.equal(reservations.leasedBytes, leasedBytes);
          assert(reservations.reservedBytes <= quotaBytes);
          assert(reservations.leasedBytes + reservations.freeBytes <= quotaBytes);
          assert.equal(
            reservations.reservedBytes,
            held.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) + reservations.orphanedBytes,
          );
        }

        // Nobody who waits is forgotten: as those before finish, every one of them enters.
        while (held.length + leases.length > 0) {
          held.pop()?.release();
          const used = leases.pop();
          for (let user = 0; user < (used?.users ?? 0); user += 1) used?.lease.release();
          await turns();
        }
        assert.equal(waiting.length, 0, "no lost wake-up");
        assert.deepEqual(
          [reservations.reservedBytes, reservations.leasedBytes, reservations.orphanedBytes, reservations.waitingCount],
          [0, 0, 0, 0],
        );
        assert.deepEqual(
          entered,
          [...entered].sort((one, other) => one - other),
        );
      }),
      { numRuns: 100 },
    );
  });
});
