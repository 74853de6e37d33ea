/** Arms that take turns, and their figures side by side. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tableRow } from "#bench/measurement.ts";
import { sideBySide } from "#bench/side-by-side.ts";
import { takeTurns } from "#bench/turns.ts";

describe("bench: arms that take turns", () => {
  it("all run once a round, each of them first in turn; one that is not there has no samples", async () => {
    const ran: string[] = [];
    const arm = (name: string) => async () => ran.push(name);

    const samples = await takeTurns({ a: arm("a"), absent: undefined, b: arm("b") }, 2, async (round) => {
      ran.push(`round ${round}`);
    });

    assert.deepEqual(ran, ["round 0", "a", "b", "round 1", "b", "a"]);
    assert.deepEqual(samples, { a: [2, 6], absent: undefined, b: [3, 5] });
  });
});

describe("bench: side by side", () => {
  const figures = sideBySide({
    name: "store.put",
    unit: "MiB/s",
    samples: [200, 100, 900],
    peers: { dd: [400, 500, 450], restic: undefined, Helia: [100] },
    targets: [{ least: 300 }, { least: 0.4, times: "dd" }, { least: 2, times: "restic" }],
  });

  it("is the median by itself, then beside each peer, judged by what is asked of each", () => {
    const own = { name: "store.put", value: 200, unit: "MiB/s" };

    assert.deepEqual(figures, [
      { ...own, samples: [200, 100, 900], target: "≥ 300 MiB/s", met: false },
      {
        ...own,
        peer: "dd",
        peer_value: 450,
        ratio: 0.444,
        peer_samples: [400, 500, 450],
        target: "≥ 0.4 × dd",
        met: true,
      },
      { ...own, peer: "restic (absent)" },
      { ...own, peer: "Helia", peer_value: 100, ratio: 2, peer_samples: [100] },
    ]);
  });

  it("is a row for each, with what was asked and whether it was reached", () => {
    assert.deepEqual(figures.map(tableRow), [
      ["store.put", "200 MiB/s", "", "", "≥ 300 MiB/s: missed"],
      ["store.put", "200 MiB/s", "dd: 450", "× 0.444", "≥ 0.4 × dd: met"],
      ["store.put", "200 MiB/s", "restic (absent)", "", ""],
      ["store.put", "200 MiB/s", "Helia: 100", "× 2", ""],
    ]);
  });
});
