/** What ran last, for the report of a defect that no actor owns. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RECENT_TURNS, RecentTurns } from "#runtime/recent-turns.ts";

describe("recent turns", () => {
  it("lists what was noted, oldest first", () => {
    const turns = new RecentTurns();
    turns.note("storage", "put");
    turns.note("index", "settle");

    assert.deepEqual(turns.list(), [
      { actor: "storage", turn: "put" },
      { actor: "index", turn: "settle" },
    ]);
  });

  for (const extra of [0, 1, RECENT_TURNS - 1, RECENT_TURNS + 3]) {
    it(`keeps the last ${RECENT_TURNS} of ${RECENT_TURNS + extra}`, () => {
      const turns = new RecentTurns();
      for (let turn = 0; turn < RECENT_TURNS + extra; turn += 1) turns.note("a", String(turn));

      const list = turns.list().map(({ turn }) => Number(turn));

      assert.deepEqual(
        list,
        Array.from({ length: RECENT_TURNS }, (_, index) => index + extra),
      );
    });
  }
});
