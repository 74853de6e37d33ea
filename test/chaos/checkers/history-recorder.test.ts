/** What a recorder of histories makes of what clients tell it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HistoryRecorder, INCIDENTS_MAX } from "#chaos/checkers/history-recorder.ts";

const open = Number.POSITIVE_INFINITY;

function recorder(): HistoryRecorder<string, number> {
  return new HistoryRecorder();
}

describe("history recorder: operations", () => {
  it("have moments of their own, in the order in which they were told", () => {
    const history = recorder();
    const one = history.begin("ann", "k", "read");
    const other = history.begin("ben", "k", "write");
    history.end(one, { kind: "ok", answer: 1 });
    history.end(other, { kind: "refused" });

    assert.deepEqual(history.operations(), [
      {
        key: "k",
        client: "ann",
        asked: "read",
        outcome: { kind: "ok", answer: 1 },
        invokedAt: 1,
        returnedAt: 3,
      },
      { key: "k", client: "ben", asked: "write", outcome: { kind: "refused" }, invokedAt: 2, returnedAt: 4 },
    ]);
  });

  it("that are under way, or of which the client does not know, are unknown and without an end", () => {
    const history = recorder();
    history.begin("ann", "k", "write");
    history.end(history.begin("ben", "k", "write"), { kind: "unknown" });

    const ends = history.operations().map(({ outcome, returnedAt }) => [outcome.kind, returnedAt]);

    assert.deepEqual(ends, [
      ["unknown", open],
      ["unknown", open],
    ]);
  });

  it("end once", () => {
    const history = recorder();
    const begun = history.begin("ann", "k", "read");
    history.end(begun, { kind: "refused" });

    assert.throws(() => history.end(begun, { kind: "refused" }), /an operation ends once/);
  });
});

describe("history recorder: incidents", () => {
  it("have their place among the operations, and the newest are kept", () => {
    const history = recorder();
    history.begin("ann", "k", "read");
    for (let at = 0; at <= INCIDENTS_MAX; at += 1) history.note(`cut ${at}`);

    assert.equal(history.incidents.length, INCIDENTS_MAX);
    assert.deepEqual(history.incidents[0], { at: 3, what: "cut 1" });
  });
});

describe("history recorder: settle", () => {
  it("ends what is picked, be it unknown or under way, and nothing that had ended or that comes later", () => {
    const history = recorder();
    const done = history.begin("ann", "k", "write");
    history.end(done, { kind: "ok", answer: 1 });
    history.end(history.begin("ben", "k", "write"), { kind: "unknown" });
    history.begin("cid", "k", "write");
    history.begin("dan", "other", "write");
    history.settle(({ key }) => key === "k");
    history.settle(({ key }) => key === "k");
    history.begin("eve", "k", "write");

    const ends = history.operations().map(({ client, returnedAt }) => [client, returnedAt]);

    assert.deepEqual(ends, [
      ["ann", 2],
      ["ben", 6],
      ["cid", 6],
      ["dan", open],
      ["eve", open],
    ]);
  });

  it("holds of one that is answered well after that: it took effect before", () => {
    const history = recorder();
    const slow = history.begin("ann", "k", "write");
    history.settle(() => true);
    history.end(slow, { kind: "ok", answer: 1 });

    assert.deepEqual(
      history.operations().map(({ outcome, returnedAt }) => [outcome.kind, returnedAt]),
      [["ok", 2]],
    );
  });
});
