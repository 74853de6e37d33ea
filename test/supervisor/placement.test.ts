/** The tree, and where it puts whom. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { catalogue } from "#supervisor/catalogue.ts";
import { PROFILES, place } from "#supervisor/placement.ts";
import { tree } from "#supervisor/tree.ts";
import { optionalTree } from "#test/supervisor/fixture/tree.ts";

const layout = (profile: (typeof PROFILES)[number]): unknown =>
  place(tree, profile).rungs.map((rung) => rung.map((cell) => [cell.name, cell.workers.map((worker) => worker.name)]));

describe("placement: place", () => {
  it("is the tree itself in `tree` and `single`", () => {
    const cells = [
      [
        ["data", ["storage", "index", "overlay", "gateway"]],
        ["ops", ["telemetry"]],
      ],
      [["work", ["auth", "ingest"]]],
    ];

    assert.deepEqual(layout("tree"), cells);
    assert.deepEqual(layout("single"), cells);
    assert.deepEqual([place(tree, "tree").hosting, place(tree, "single").hosting], ["processes", "root"]);
  });

  it("gives the gateway a cell of its own above the others in `edge`", () => {
    assert.deepEqual(layout("edge"), [
      [
        ["data", ["storage", "index", "overlay"]],
        ["ops", ["telemetry"]],
      ],
      [
        ["edge", ["gateway"]],
        ["work", ["auth", "ingest"]],
      ],
    ]);
    assert.equal(place(tree, "edge").rungs[1]?.[0]?.required, true);
  });

  it("puts what a node need not have above the others, in every profile (SUP-35)", () => {
    const rungs = (profile: (typeof PROFILES)[number]) =>
      place(optionalTree, profile).rungs.map((rung) => rung.map((cell) => cell.name));

    assert.deepEqual(
      [rungs("tree"), rungs("single")],
      [
        [["data"], ["ops"]],
        [["data"], ["ops"]],
      ],
    );
    assert.deepEqual(rungs("edge"), [["data"], ["edge", "ops"]]);
  });

  it("places every actor once, and the catalogue knows them all", () => {
    for (const profile of PROFILES) {
      assert.deepEqual(Object.keys(place(tree, profile).cellOf).sort(), Object.keys(catalogue).sort());
    }
  });

  it("stops every cell within the node's deadline", () => {
    const workers = tree.cells.flatMap((cell) => cell.workers);

    assert.equal(
      workers.every((worker) => worker.shutdownMs <= 10_000),
      true,
    );
  });
});
