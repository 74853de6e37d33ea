/** `cepa scrub`: what it says of a store that is well, and of one that is too large for its period. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { hour } from "#runtime/units.ts";
import { startFakeNode } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const day = 24 * hour;

const facts = {
  isRunning: false,
  totalBytes: 9 * 1024,
  dueBytes: 0,
  awayBytes: 0,
  unverifiedBytes: 0,
  oldestVerifiedAt: "2026-01-01T00:00:00.000Z",
  etaMs: 0,
  periodMs: 30 * day,
  damaged: [],
  damagedRecords: 0,
};

describe("cli: scrub", () => {
  it("says how all is, and nothing of the time that it takes where that is within the period, to the millisecond", async () => {
    node.scrub = { ...facts, wholeMs: 30 * day };

    const ran = await cepa(["scrub", "--url", node.url]);

    assert.deepEqual([ran.code, ran.stderr], [0, ""]);
    assert.deepEqual(
      ran.stdout.split("\n").map((line) => line.slice(0, 15).trim()),
      ["stored", "due", "oldest verified", "damaged", ""],
    );
  });

  it("says that the period cannot be kept where all of it takes longer (STO-138)", async () => {
    node.scrub = { ...facts, wholeMs: 40 * day - 1 * hour };

    const ran = await cepa(["scrub", "--url", node.url]);

    assert.equal(ran.code, 0);
    assert.match(
      ran.stdout,
      /^too slow +all of it takes 40 d at storage\.collectBytesPerSecondMax, and storage\.scrubPeriodMs is 30 d$/m,
    );
  });

  it("fails where something that is due could not be verified", async () => {
    node.scrub = { ...facts, wholeMs: 1, dueBytes: 5 * 1024, unverifiedBytes: 4 * 1024 };

    const ran = await cepa(["scrub", "--url", node.url]);

    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /^not verified +4\.0 KiB of that, when it was tried$/m);
    assert.match(ran.stderr, /^cepa: cli\.not-scrubbed: 4\.0 KiB could not be verified: /);
  });
});
