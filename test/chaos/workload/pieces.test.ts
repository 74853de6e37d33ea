/** When an upload in pieces may be forgotten for its age: a plan has to let a day pass. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mayForgetIn } from "#chaos/workload/pieces.ts";
import { hour, second } from "#runtime/units.ts";

describe("chaos workload: the age of uploads", () => {
  it("is not reached by clocks that jump for less than a day, nor by those that fall behind", () => {
    const jumps = Array.from({ length: 22 }, () => ({ kind: "clock-jump", atMs: 0, byMs: 1 * hour }) as const);
    const back = { kind: "clock-jump", atMs: 0, byMs: -100 * hour } as const;

    assert.deepEqual([mayForgetIn([]), mayForgetIn(jumps), mayForgetIn([back])], [false, false, false]);
  });

  it("may be by one that jumps, or gains, a day", () => {
    const jump = { kind: "clock-jump", atMs: 0, byMs: 24 * hour } as const;
    const drift = { kind: "clock-drift", atMs: 0, forMs: 10 * second, gainMs: 3 * hour } as const;

    assert.deepEqual([mayForgetIn([jump]), mayForgetIn([drift])], [true, true]);
  });
});
