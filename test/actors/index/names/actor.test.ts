/** Names through the index actor: sets, reads, evidence, and a disk that refuses. Time is manual. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type NameRecord, verifyNameRecord } from "#actors/domain/name-record.ts";
import { NAMES_OPEN_INTERVAL_MS } from "#actors/index/actor.ts";
import { NAME_HISTORY_MAX } from "#actors/index/names/name-table.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type NameVectors, vectorsFile } from "#test/actors/domain/name-vectors.ts";
import { NAMES_DIRECTORY, type StartedIndex, startIndex } from "#test/actors/index/start-index.ts";
import { labelOf, nextRecord, objectValue, signedRecord, signerOf } from "#test/kit/names.ts";

const within = { timeoutMs: 1000 };
const owner = signerOf(1);
const first = signedRecord(owner);
const second = nextRecord(owner, first, { value: objectValue(0xbb) });
const rival = nextRecord(owner, first, { value: objectValue(0xcc) });
const file = `${NAMES_DIRECTORY}/000000000001.log`;

async function set({ ref }: StartedIndex, record: NameRecord): Promise<unknown> {
  const result = await ref.call("setName", { record }, within);
  return result.ok ? "set" : result.failure;
}

async function get({ ref }: StartedIndex, name: NameRecord = first): Promise<unknown> {
  const result = await ref.call("getName", { name }, within);
  return result.ok ? result.value : result.failure;
}

async function historyOf({ ref }: StartedIndex) {
  const result = await ref.call("readNameHistory", { name: first }, within);
  assert(result.ok, JSON.stringify(result));
  return result.value;
}

/** Feeding is over, so that health speaks of names. */
async function ready(index: StartedIndex): Promise<void> {
  const start = await index.ref.call("readCheckpoint", {}, within);
  assert(start.ok);
  const { life } = start.value;
  await index.ref.call("reportRebuild", { life, doneCount: 0, totalCount: 0, done: true }, within);
}

describe("index: names", () => {
  it("are set one record after another, and each is there after a crash (IDX-8, IDX-9)", async () => {
    const index = await startIndex();
    assert.deepEqual(await get(index), { code: "index.name-unknown" });
    assert.equal(await set(index, first), "set");
    assert.equal(await set(index, second), "set");

    await index.crash();

    assert.deepEqual(await get(index), second);
    assert.deepEqual(await historyOf(index), { history: [first, second], evidence: undefined });
  });

  it("answer a record that does not follow with the current one, and the current one as if it were new (IDX-9)", async () => {
    const index = await startIndex();
    assert.deepEqual(await set(index, second), { code: "index.name-conflict", current: undefined });
    await set(index, first);
    await set(index, second);

    const late = nextRecord(owner, second, { seq: 4 });
    const astray = nextRecord(owner, second, { prev: rival.digest });
    for (const record of [first, late, astray]) {
      assert.deepEqual(await set(index, record), { code: "index.name-conflict", current: second });
    }
    assert.equal(await set(index, second), "set");
    assert.equal((await historyOf(index)).history.length, 2);
  });

  it("are judged as they are set, but that the next record is not taken (IDX-16)", async () => {
    const index = await startIndex();
    const judge = async (record: NameRecord): Promise<unknown> => {
      const judged = await index.ref.call("judgeName", { record }, within);
      return judged.ok ? judged.value : judged.failure;
    };
    await set(index, first);

    const verdicts = [await judge(second), await judge(second), await judge(first)];
    await set(index, second);

    assert.deepEqual(verdicts, ["next", "next", "known"]);
    assert.deepEqual(await judge(first), { code: "index.name-conflict", current: second });
    assert.deepEqual(await judge(rival), { code: "index.name-frozen", evidence: [second, rival] });
    await index.crash();
    assert.deepEqual(await historyOf(index), { history: [first, second], evidence: [second, rival] });
  });

  it("of two owners do not meet, though their labels are the same", async () => {
    const index = await startIndex();
    const others = signedRecord(signerOf(2), { value: objectValue(1) });
    await set(index, first);

    assert.equal(await set(index, others), "set");

    assert.deepEqual([await get(index, first), await get(index, others)], [first, others]);
  });

  it("freeze on two records that contradict each other, for good, and keep both (IDX-10)", async () => {
    const index = await startIndex();
    await set(index, first);
    await set(index, second);
    const frozen = { code: "index.name-frozen", evidence: [second, rival] };

    assert.deepEqual(await set(index, rival), frozen);
    await index.crash();

    assert.deepEqual(await get(index), frozen);
    assert.deepEqual(await set(index, nextRecord(owner, second)), frozen);
    assert.deepEqual(await historyOf(index), { history: [first, second], evidence: [second, rival] });
    const facts = await index.ref.call("describe", {}, within);
    assert.deepEqual(facts.ok && facts.value.names, { nameCount: 1, recordCount: 2, frozenCount: 1 });
    const counted = index.metrics.takeDeltas().find(({ name }) => name === "index_name_equivocations_total");
    assert.equal(counted?.value, 1);
  });

  it("freeze also on a record that contradicts an older one that is kept (IDX-10)", async () => {
    const index = await startIndex();
    await set(index, first);
    await set(index, second);
    const other = signedRecord(owner, { exp: 5 });

    assert.deepEqual(await set(index, other), { code: "index.name-frozen", evidence: [first, other] });
  });

  it("keep NAME_HISTORY_MAX records of a name, and forget the oldest at one more (IDX-11)", async () => {
    const index = await startIndex();
    const records = [first];
    for (let record = first; records.length <= NAME_HISTORY_MAX; records.push(record)) {
      record = nextRecord(owner, record);
    }
    for (const record of records.slice(0, -1)) assert.equal(await set(index, record), "set");
    assert.deepEqual((await historyOf(index)).history, records.slice(0, -1));

    assert.equal(await set(index, records.at(-1) ?? first), "set");

    assert.deepEqual((await historyOf(index)).history, records.slice(1));
  });

  it("are listed by their key, in the order of their labels, page by page", async () => {
    const index = await startIndex();
    const named = ["b", "c", "a"].map((text) => signedRecord(owner, { label: labelOf(text) }));
    for (const record of named) await set(index, record);
    await set(index, signedRecord(signerOf(2), { label: labelOf("ab") }));
    const page = async (after: string): Promise<unknown> => {
      const listed = await index.ref.call("listNames", { publicKey: owner.publicKey, after, limit: 2 }, within);
      assert(listed.ok);
      return listed.value.map(({ history }) => history.at(-1)?.label);
    };

    assert.deepEqual([await page(""), await page("b"), await page("c")], [["a", "b"], ["c"], []]);
  });
});

describe("index: the published chains of names", () => {
  const vectors = JSON.parse(readFileSync(vectorsFile, "utf8")) as NameVectors;
  for (const { what, steps } of vectors.chains) {
    it(`come to what is published: ${what} (IDX-9, IDX-10)`, async () => {
      const index = await startIndex();
      for (const { record, is } of steps) {
        const bytes = new Uint8Array(Buffer.from(record, "hex"));
        const said = must(verifyNameRecord(bytes), "a record that is published as good");
        const result = await index.ref.call("setName", { record: said }, within);
        const expected = { set: "kept", known: "kept", conflict: "index.name-conflict", frozen: "index.name-frozen" };
        assert.equal(result.ok ? "kept" : result.failure.code, expected[is]);
      }
    });
  }
});

describe("index: names on a disk that refuses", () => {
  it("keep nothing of a record that found the disk full, and go on when there is room (IDX-12)", async () => {
    const index = await startIndex();
    await ready(index);
    await set(index, first);
    const { disk } = index;
    disk.capacityBytes = 100;

    const full = { code: "index.names-unavailable", cause: "disk.full", executed: "no" };
    assert.deepEqual(await set(index, second), full);
    assert.deepEqual(await get(index), first);
    assert.equal(index.actor.health.state, "ready", "it is the matter of that record alone");
    disk.capacityBytes = 1_000_000;

    assert.equal(await set(index, second), "set");
  });

  it("answer nothing from a state in doubt: after a failed sync the next read opens the journal anew (IDX-8)", async () => {
    const index = await startIndex();
    await ready(index);
    await set(index, first);
    index.disk.failNext("sync", "EIO");

    const doubt = { code: "index.names-unavailable", cause: "disk.broken EIO", executed: "maybe" };
    assert.deepEqual(await set(index, second), doubt);
    assert.deepEqual(index.actor.health, { state: "degraded", reason: "names: disk.broken EIO" });
    // What was in doubt is there, and now it is durable.
    assert.deepEqual(await get(index), second);

    assert.equal(index.actor.health.state, "ready");
    assert.equal(await set(index, second), "set");
    await index.crash();
    assert.deepEqual(await get(index), second);
  });

  it("open a journal that has closed itself without being asked (IDX-12)", async () => {
    const index = await startIndex();
    await ready(index);
    await set(index, first);
    index.disk.failNext("sync", "EIO");
    await set(index, second);
    index.disk.failNext("open", "EIO");

    const attempt = async (): Promise<void> => {
      await index.clock.advance(NAMES_OPEN_INTERVAL_MS);
      // After many turns in a row the dispatcher lets the loop have one.
      await new Promise<void>((resolve) => setImmediate(resolve));
    };
    await attempt();
    assert.equal(index.actor.health.state, "degraded", "the first attempt failed");
    assert.equal(index.disk.faultCount, 0);
    await attempt();
    await attempt();

    assert.equal(index.actor.health.state, "ready");
  });

  it("are not served from a damaged journal, which stays as it is; addresses are resolved (IDX-13)", async () => {
    const disk = new MemoryDisk();
    const before = await startIndex({ disk });
    await set(before, first);
    await set(before, second);
    await before.actor.stop();
    disk.flipByte(file, 50);
    const damaged = await disk.readFile(file);

    const index = await startIndex({ disk, stores: before.stores });
    await ready(index);

    const failure = { code: "index.names-unavailable", cause: "journal.damaged", executed: "no" };
    assert.deepEqual(await get(index), failure);
    assert.deepEqual(await set(index, nextRecord(owner, second)), failure);
    assert.deepEqual(index.actor.health, { state: "degraded", reason: "names: journal.damaged" });
    assert.deepEqual(await disk.readFile(file), damaged);
    // It is not read again and again for those who ask.
    disk.failNext("open", "EIO");
    assert.deepEqual(await get(index), failure);
    assert.equal(disk.faultCount, 1);
    const resolved = await index.ref.call("resolve", { address: `b3:${"0".repeat(64)}` as never }, within);
    assert.equal(resolved.ok ? "" : resolved.failure.code, "index.unknown");
    const facts = await index.ref.call("describe", {}, within);
    assert.equal(facts.ok && facts.value.names, undefined);
  });
});
