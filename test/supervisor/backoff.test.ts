/** Waiting times: pure arithmetic. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Random } from "#runtime/random.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { second } from "#runtime/units.ts";
import { probeDelayMs, restartDelayMs } from "#supervisor/backoff.ts";

/** Always the largest answer that may come. */
const highest: Random = { bytes: () => new Uint8Array(), below: (max) => max - 1, id: () => "0" };

describe("backoff: restarts", () => {
  it("doubles its ceiling from 100 ms to 30 s, and no further (SUP-4)", () => {
    const ceilings = [1, 2, 3, 8, 9, 10, 11, 1_000_000].map((count) => restartDelayMs(count, highest));

    assert.deepEqual(ceilings, [100, 200, 400, 12_800, 25_600, 30_000, 30_000, 30_000]);
  });

  it("takes anything below the ceiling: full jitter", () => {
    const random = seededRandom(7);
    const delays = Array.from({ length: 2000 }, () => restartDelayMs(4, random));

    assert.equal(
      delays.every((delayMs) => Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= 800),
      true,
    );
    assert.equal(Math.min(...delays) < 20 && Math.max(...delays) > 780, true);
  });
});

describe("backoff: probes", () => {
  it("starts at 60 s and doubles to 15 min (SUP-7)", () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 99].map(probeDelayMs),
      [60, 120, 240, 480, 900, 900, 900].map((s) => s * second),
    );
  });
});
