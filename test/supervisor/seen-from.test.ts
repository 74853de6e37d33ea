/** What a cell says of the node while it has no link to a cell whose actors run. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ActorStatus, NodeStatus } from "#runtime/actor-module.ts";
import { seenFrom } from "#supervisor/cell/seen-from.ts";

function actor(name: string, cell: string, state: string, reason?: string): ActorStatus {
  return { name, cell, state, incarnation: 1, restarts: 0, mailbox: { depth: 0, capacity: 8 }, reason };
}

const status: NodeStatus = {
  cells: [],
  actors: [
    actor("gateway", "edge", "running"),
    actor("overlay", "data", "running"),
    actor("index", "data", "degraded", "rebuilding: 1 of 2"),
    actor("storage", "data", "backing-off", "crashed"),
  ],
  servers: [],
  unavailable: [],
  shuttingDown: false,
};

describe("cell: the node as it sees it", () => {
  it("says unreachable of what runs where no link leads", () => {
    const seen = seenFrom(status, { isConnected: (cell) => (cell === "data" ? false : undefined) });

    assert.deepEqual(
      seen.actors.map(({ state, reason }) => [state, reason]),
      [
        ["running", undefined],
        ["unreachable", "no link to the cell data"],
        ["unreachable", "no link to the cell data"],
        ["backing-off", "crashed"],
      ],
    );
  });

  for (const [what, links] of [
    ["the links are there", { isConnected: () => true }],
    ["no link is wanted", { isConnected: () => undefined }],
    ["the cell has none yet", undefined],
  ] as const) {
    it(`says what the root says where ${what}`, () => {
      assert.equal(seenFrom(status, links), status);
    });
  }
});
