/** What ran last, for the report of a defect that no actor owns. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RECENT_SLOTS, RecentSlots } from "#runtime/recent-slots.ts";

describe("recent turns", () => {
  it("lists what was noted, oldest first", () => {
    const slots = new RecentSlots();
    slots.note("storage", "put", 16);
    slots.note("index", "settle", 1);

    assert.deepEqual(slots.list(), [
      { actor: "storage", turn: "put", count: 16 },
      { actor: "index", turn: "settle", count: 1 },
    ]);
  });

  for (const extra of [0, 1, RECENT_SLOTS - 1, RECENT_SLOTS + 3]) {
    it(`keeps the last ${RECENT_SLOTS} of ${RECENT_SLOTS + extra}`, () => {
      const slots = new RecentSlots();
      for (let turn = 0; turn < RECENT_SLOTS + extra; turn += 1) slots.note("a", String(turn), 1);

      const list = slots.list().map(({ turn }) => Number(turn));

      assert.deepEqual(
        list,
        Array.from({ length: RECENT_SLOTS }, (_, index) => index + extra),
      );
    });
  }
});
