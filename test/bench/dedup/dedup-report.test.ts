/** What the arms hold, as rows and as figures. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { reportDedup } from "#bench/dedup/dedup-report.ts";
import { MiB } from "#runtime/units.ts";

const material = { name: "image", label: "disk image", putBytes: [40 * MiB, 50 * MiB] };
const ours = [{ arm: "fixed/1", holdings: [30 * MiB, 42 * MiB] }];

describe("bench: what is stored of two versions", () => {
  it("is a row for each arm, the growth by the last version in relation to its length", () => {
    const { lines } = reportDedup({ ...material, ours, peers: [{ arm: "restic", holdings: [20 * MiB, 45 * MiB] }] });

    assert.deepEqual(
      lines.map((line) => line.split(/ {2,}/)),
      [
        ["disk image", "fixed/1", "90.0 MiB", "42.0 MiB", "12.0 MiB", "24 %"],
        ["", "restic", "45.0 MiB", "25.0 MiB", "50 %"],
      ],
    );
  });

  it("has a figure for what is stored and one for the growth beside each peer, and one for what was put", () => {
    const peers = [
      { arm: "restic", holdings: [20 * MiB, 84 * MiB] },
      { arm: "restic, compressed", holdings: undefined },
    ];

    const { lines, figures } = reportDedup({ ...material, ours, peers });

    const stored = { name: "dedup.image.fixed/1.stored", value: 42, unit: "MiB" };
    const added = { name: "dedup.image.fixed/1.last-added", value: 12, unit: "MiB" };
    assert.deepEqual(figures, [
      { name: "dedup.image.put", value: 90, unit: "MiB" },
      { ...stored, peer: "restic", peer_value: 84, ratio: 0.5 },
      { ...stored, peer: "restic, compressed (absent)" },
      { ...added, peer: "restic", peer_value: 64, ratio: 0.188 },
      { ...added, peer: "restic, compressed (absent)" },
    ]);
    assert.match(lines.at(-1) ?? "", /restic, compressed +absent$/);
  });
});
