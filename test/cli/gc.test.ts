/** `cepa gc` and `cepa du` against a node that says what the test wants. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { MiB } from "#runtime/units.ts";
import { startFakeNode } from "#test/cli/fake-node.ts";
import { cepa, type Ran } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const report = {
  endedAtMs: 1_000,
  freedBytes: 3 * MiB,
  packsCompacted: 1,
  removedCount: 2,
  buriedCount: 4,
  liveBytes: 5 * MiB,
  garbageBytes: 0,
};
const later = { ...report, endedAtMs: 2_000, freedBytes: 0 };
const facts = { phase: "idle", storedBytes: 0, freeBytes: 0, objectCount: 0, trash: { objectCount: 0, bytes: 0 } };

async function run(collections: readonly unknown[], ...args: readonly string[]): Promise<Ran> {
  node.collections = collections;
  return await cepa([...args, "--url", node.url]);
}

describe("cli: gc", () => {
  it("waits for the end, and tells the report of what it began", async () => {
    for (const last of [undefined, report]) {
      const begun = { phase: "marking", last };

      const { code, stdout, stderr } = await run(
        [begun, begun, { ...begun, phase: "compacting" }, { ...facts, last: later }],
        "gc",
        "--json",
      );

      assert.deepEqual([code, JSON.parse(stdout), stderr], [0, later, ""]);
    }
  });

  it("fails where storage has started anew, and nobody can say how it ended", async () => {
    for (const [before, since] of [
      [report, undefined],
      [undefined, undefined],
      [report, report],
    ]) {
      const begun = { phase: "marking", last: before };

      const ran = await run([begun, begun, { ...facts, last: since }], "gc");

      assert.deepEqual([ran.code, ran.stdout], [1, ""]);
      assert.match(ran.stderr, /^cepa: cli\.not-collected: the collection ended without a report[^\n]*\n$/);
    }
  });
});

describe("cli: a collection that was blocked", () => {
  const { liveBytes: _, garbageBytes: __, ...rest } = report;
  const last = { ...rest, endedAtMs: 2_000, blocked: "a volume is not there" };

  it("is told of without what it could not find out", async () => {
    const ran = await run([{ phase: "marking" }, { phase: "marking" }, { ...facts, last }], "gc");

    assert.deepEqual([ran.code, ran.stderr], [1, "cepa: storage.collection-blocked: a volume is not there\n"]);
    assert.doesNotMatch(ran.stdout, /live|garbage/);
  });

  it("leaves what is live unknown", async () => {
    const ran = await run([{ ...facts, last }], "du");

    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /^live {5}not known: the collection at 1970-01-01T00:00:02\.000Z was blocked/m);
    assert.doesNotMatch(ran.stdout, /garbage/);
  });
});

describe("cli: du", () => {
  it("says when the last collection found what is live", async () => {
    const { code, stdout } = await run([{ ...facts, last: later }], "du");

    assert.equal(code, 0);
    assert.match(stdout, /^live {5}5\.0 MiB at 1970-01-01T00:00:02\.000Z$/m);
  });

  it("says in a line that what answers sends a time that is none", async () => {
    for (const endedAtMs of [9e15, "yesterday", undefined]) {
      const ran = await run([{ ...facts, last: { ...report, endedAtMs } }], "du");

      assert.deepEqual([ran.code, ran.stdout], [1, ""]);
      assert.match(ran.stderr, /^cepa: cli\.bad-answer: [^\n]*\n$/);
    }
  });
});
