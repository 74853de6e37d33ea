/** The parts of a collection: what is marked, what is in use, who still reads, and how fast it goes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { InUse } from "#actors/storage/collection/in-use.ts";
import { Marks } from "#actors/storage/collection/marks.ts";
import { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import { RECORD_HEADER_BYTES } from "#actors/storage/packs/record.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { Throttle } from "#runtime/throttle.ts";

const digest = (number: number): Digest => digestFromBytes(new Uint8Array(32).fill(number));

describe("collection: marks", () => {
  it("are a set of positions before the checkpoint, whatever count of records was expected, and add up the bytes", () => {
    // Two records of a pack are never nearer than a header is long.
    const slots = fc.array(fc.nat(2 ** 21), { maxLength: 300 });
    fc.assert(
      fc.property(fc.nat(400), fc.nat(2 ** 29), slots, fc.nat(RECORD_HEADER_BYTES / 8 - 1), (...drawn) => {
        const [recordCount, checkpoint, marked, offset] = drawn;
        const marks = new Marks();
        marks.expect({ pack: 7, recordCount, checkpoint, sealed: false });
        const model = new Set<number>();
        for (const slot of marked) {
          const position = slot * RECORD_HEADER_BYTES + 8 * offset;
          const isYounger = position >= checkpoint;
          assert.equal(marks.add(7, position, 10), !isYounger && !model.has(position));
          if (!isYounger) model.add(position);
        }
        assert.equal(marks.liveBytes(7), 10 * model.size);
        for (const slot of [...marked, 5, 6, 7]) {
          const position = slot * RECORD_HEADER_BYTES + 8 * offset;
          assert.equal(marks.has(7, position), model.has(position));
        }
      }),
    );
  });

  it("know nothing of a pack that is not expected", () => {
    const marks = new Marks();
    assert(!marks.add(1, 8192, 10));
    assert(!marks.has(1, 8192));
    assert.equal(marks.liveBytes(1), 0);
  });
});

describe("collection: records in use", () => {
  it("are those held more often than let go, by kind and digest", () => {
    const inUse = new InUse();
    const heard: string[] = [];
    inUse.listen((kind, which) => heard.push(`${kind} ${which === digest(1)}`));
    inUse.hold("chunk", digest(1));
    inUse.hold("chunk", digest(1));

    inUse.letGo("chunk", digest(1));
    assert(inUse.has("chunk", digest(1)));
    assert(!inUse.has("manifest", digest(1)));
    inUse.letGo("chunk", digest(1));

    assert(!inUse.has("chunk", digest(1)));
    assert.deepEqual(heard, ["chunk true", "chunk true"]);
  });
});

describe("collection: readers of packs", () => {
  it("are waited for, all of them, and only those of the pack", async () => {
    const readers = new PackReaders();
    const [leaveBoth, leaveOne] = [readers.enter(new Set([1, 2])), readers.enter(new Set([1]))];
    const free: number[] = [];
    const waits = [1, 2, 3].map((pack) => readers.whenFree(pack).then(() => free.push(pack)));
    await waits[2];
    assert.deepEqual(free, [3]);

    leaveBoth();
    await waits[1];
    assert.deepEqual(free, [3, 2]);
    leaveOne();
    await Promise.all(waits);

    assert.deepEqual(free, [3, 2, 1]);
  });
});

describe("throttle", () => {
  async function takes(clock: ManualClock, throttle: Throttle, bytes: readonly number[]): Promise<readonly number[]> {
    const doneMs: number[] = [];
    const work = (async () => {
      for (const count of bytes) {
        await throttle.take(count);
        doneMs.push(clock.nowMs());
      }
    })();
    for (let step = 0; step < 1000 && doneMs.length < bytes.length; step += 1) await clock.advance(10);
    await work;
    return doneMs;
  }

  it("lets a second's worth through at once, and then as much as is allowed", async () => {
    const clock = new ManualClock();
    const throttle = new Throttle(clock, () => 1000, new AbortController().signal);
    assert.deepEqual(await takes(clock, throttle, [1000, 500, 500]), [0, 500, 1000]);
  });

  it("saves up no more than a second while nothing is taken", async () => {
    const clock = new ManualClock();
    const throttle = new Throttle(clock, () => 1000, new AbortController().signal);
    await clock.advance(60_000);
    assert.deepEqual(await takes(clock, throttle, [1000, 1000]), [60_000, 61_000]);
  });

  it("lets everybody go when the signal is aborted, and keeps no timer", async () => {
    const clock = new ManualClock();
    const over = new AbortController();
    const throttle = new Throttle(clock, () => 1, over.signal);
    const taking = throttle.take(1_000_000);
    over.abort();
    await taking;
    await throttle.take(1_000_000);
    assert.equal(clock.armedCount, 0);
  });
});
