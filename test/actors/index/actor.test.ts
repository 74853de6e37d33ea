/** Index, driven through its protocol alone. The store is memory; time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MOVE_INTERVAL_MS } from "#actors/index/actor.ts";
import { NEGATIVE_MS_MAX } from "#actors/index/entry-cache.ts";
import { CHECKPOINT_KEY, ENTRY_VERSION, FORMAT_KEY } from "#actors/index/entry-codec.ts";
import { WRITE_PAUSE_MS } from "#actors/index/entry-store.ts";
import type { IndexEntry } from "#actors/index/protocol.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { DIRECTORY, entryOf, resolvedOf, type StartedIndex, startIndex } from "#test/actors/index/start-index.ts";

const within = { timeoutMs: 1000 };

async function lifeOf({ ref }: StartedIndex): Promise<string> {
  const start = await ref.call("readCheckpoint", {}, within);
  assert(start.ok);
  return start.value.life;
}

async function finishRebuild(index: StartedIndex): Promise<void> {
  const report = { life: await lifeOf(index), doneCount: 0, totalCount: 0, done: true };
  assert.deepEqual(await index.ref.call("reportRebuild", report, within), { ok: true, value: undefined });
}

async function resolves(index: StartedIndex, entry: IndexEntry): Promise<void> {
  const resolved = await index.ref.call("resolve", { address: entry.address }, within);
  assert.deepEqual(resolved, { ok: true, value: resolvedOf(entry) });
}

async function failureOf(index: StartedIndex, entry: IndexEntry): Promise<unknown> {
  const resolved = await index.ref.call("resolve", { address: entry.address }, within);
  return resolved.ok ? "known" : resolved.failure;
}

describe("index: loosen", () => {
  it("leaves nothing that is said to last, over a restart too, until something is recorded that does (IDX-19)", async () => {
    const index = await startIndex();
    const [entry, other] = [entryOf(1), { ...entryOf(1), manifest: entryOf(2).manifest }];
    const { address, sizeBytes } = entry;
    const lastingOf = async ({ ref }: StartedIndex): Promise<unknown> => {
      const resolved = await ref.call("resolve", { address }, within);
      return resolved.ok ? resolved.value : resolved.failure.code;
    };
    assert((await index.ref.call("loosen", { address }, within)).ok);
    await index.ref.call("record", { entries: [entry, { ...other, isTransient: true }] }, within);
    const { manifest } = other;
    assert.deepEqual(await lastingOf(index), { address, manifest, sizeBytes, lasting: entry.manifest });

    assert((await index.ref.call("loosen", { address }, within)).ok);

    assert.deepEqual(await lastingOf(index), { address, manifest, sizeBytes, lasting: undefined });
    await index.clock.advance(WRITE_PAUSE_MS);
    index.stores.crash({ ...seededRandom(1), below: (count) => count - 1 });
    const next = await startIndex({ stores: index.stores });
    assert.deepEqual(await lastingOf(next), { address, manifest, sizeBytes, lasting: undefined });
    await next.ref.call("record", { entries: [other] }, within);
    assert.deepEqual(await lastingOf(next), { address, manifest, sizeBytes, lasting: manifest });
  });
});

describe("index: forget", () => {
  it("makes an address unknown, over a restart too, until it is recorded again (IDX-14)", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1), entryOf(2)] }, within);
    await index.clock.advance(WRITE_PAUSE_MS);
    await resolves(index, entryOf(1));
    const unknown = { code: "index.unknown", address: entryOf(1).address };

    for (const times of [1, 2]) {
      const forgotten = await index.ref.call("forget", { address: entryOf(1).address }, within);
      assert(forgotten.ok, `${times}`);
    }

    await finishRebuild(index);
    assert.deepEqual(await failureOf(index, entryOf(1)), unknown);
    const facts = await index.ref.call("describe", {}, within);
    assert(facts.ok && facts.value.entryCount === 1);
    await index.clock.advance(WRITE_PAUSE_MS);
    index.stores.crash({ ...seededRandom(1), below: (count) => count - 1 });
    const next = await startIndex({ stores: index.stores });
    await finishRebuild(next);
    assert.deepEqual(await failureOf(next, entryOf(1)), unknown);
    await resolves(next, entryOf(2));
    await next.ref.call("record", { entries: [entryOf(1)] }, within);
    await resolves(next, entryOf(1));
  });

  it("keeps its order with what is recorded while the store refuses", async () => {
    const index = await startIndex();
    index.control.refusal = "full";
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.ref.call("forget", { address: entryOf(1).address }, within);
    await index.ref.call("record", { entries: [entryOf(2)] }, within);
    index.control.refusal = undefined;
    await index.clock.advance(60_000);

    await finishRebuild(index);
    assert.deepEqual(await failureOf(index, entryOf(1)), { code: "index.unknown", address: entryOf(1).address });
    await resolves(index, entryOf(2));
  });
});

describe("index: what is to be durable", () => {
  it("survives any crash once it was answered (IDX-15)", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1)] }, within);

    const recorded = await index.ref.call("record", { entries: [entryOf(2)], isDurable: true }, within);

    assert(recorded.ok);
    index.stores.crash({ ...seededRandom(1), below: () => 0 });
    const next = await startIndex({ stores: index.stores });
    await resolves(next, entryOf(2));
  });

  it("is refused while the store refuses it, and found all the same (IDX-15)", async () => {
    const index = await startIndex();
    index.control.refusal = "full";

    const recorded = await index.ref.call("record", { entries: [entryOf(1)], isDurable: true }, within);

    assert(!recorded.ok && recorded.failure.code === "index.not-written", JSON.stringify(recorded));
    assert.match(recorded.failure.cause, /full/);
    await resolves(index, entryOf(1));
  });
});

describe("index: resolve", () => {
  it("says rebuilding of an unknown address, and answers a known one, until feeding is done (IDX-1)", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1)] }, within);

    await resolves(index, entryOf(1));
    assert.deepEqual(await failureOf(index, entryOf(2)), { code: "index.rebuilding", doneCount: 0, totalCount: 0 });
    await finishRebuild(index);

    await resolves(index, entryOf(1));
    assert.deepEqual(await failureOf(index, entryOf(2)), { code: "index.unknown", address: entryOf(2).address });
  });

  it("asks the store once for an entry that it still caches", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.clock.settle();
    await resolves(index, entryOf(1));
    const before = index.control.getCount;

    await resolves(index, entryOf(1));

    assert.equal(index.control.getCount, before);
  });

  it("keeps what fits into cacheBytesMax beside the store, the least recently used out first (IDX-6)", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [1, 2, 3, 4].map((number) => entryOf(number)) }, within);
    await index.clock.settle();
    for (const number of [1, 2, 3, 1, 4]) await resolves(index, entryOf(number));
    const before = index.control.getCount;

    for (const number of [1, 3, 4]) await resolves(index, entryOf(number));
    assert.equal(index.control.getCount, before);
    await resolves(index, entryOf(2));
    assert.equal(index.control.getCount, before + 1);
  });

  it("asks the store again for an unknown address after NEGATIVE_MS_MAX, not before (IDX-6)", async () => {
    const index = await startIndex();
    await finishRebuild(index);
    const unknown = { code: "index.unknown", address: entryOf(1).address };
    assert.deepEqual(await failureOf(index, entryOf(1)), unknown);
    const before = index.control.getCount;

    await index.clock.advance(NEGATIVE_MS_MAX - 1);
    assert.deepEqual(await failureOf(index, entryOf(1)), unknown);
    assert.equal(index.control.getCount, before);
    await index.clock.advance(1);
    assert.deepEqual(await failureOf(index, entryOf(1)), unknown);

    assert.equal(index.control.getCount, before + 1);
  });

  it("finds an address that was unknown as soon as it is recorded, also when it left the memory (IDX-2)", async () => {
    const index = await startIndex();
    await failureOf(index, entryOf(1));

    await index.ref.call("record", { entries: [entryOf(1)] }, within);

    await resolves(index, entryOf(1));
    await index.clock.settle();
    await resolves(index, entryOf(1));
  });

  it("keeps entries in memory whatever number of unknown addresses is asked for (IDX-6)", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1), entryOf(2), entryOf(3)] }, within);
    await index.clock.settle();
    for (const number of [1, 2, 3]) await resolves(index, entryOf(number));
    for (let number = 100; number < 200; number += 1) await failureOf(index, entryOf(number));
    const asked = index.control.getCount;
    await failureOf(index, entryOf(199));
    await failureOf(index, entryOf(198));
    assert.equal(index.control.getCount, asked + 1, "of those one is remembered");
    const before = index.control.getCount;

    for (const number of [1, 2, 3]) await resolves(index, entryOf(number));

    assert.equal(index.control.getCount, before);
  });

  it("counts hits, misses and negative hits, and nothing for what is recorded", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.clock.settle();
    for (const number of [1, 1, 1, 2, 2]) {
      await index.ref.call("resolve", { address: entryOf(number).address }, within);
    }

    const counted = index.metrics
      .takeDeltas()
      .filter(({ name }) => name === "index_cache_lookups_total")
      .map(({ labels, value }) => [labels["outcome"], value]);
    assert.deepEqual(Object.fromEntries(counted), { hit: 2, miss: 2, "negative-hit": 1 });
  });

  it("answers with what was recorded last, also where an older entry was cached", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.clock.settle();
    await resolves(index, entryOf(1));
    const newer = { ...entryOf(1), manifest: entryOf(2).manifest };

    await index.ref.call("record", { entries: [newer] }, within);

    await resolves(index, newer);
    await index.clock.settle();
    await resolves(index, newer);
  });
});

describe("index: record", () => {
  it("makes entries visible before the store has them (IDX-2)", async () => {
    const index = await startIndex();
    index.control.isHeld = true;

    const recorded = await index.ref.call("record", { entries: [entryOf(1)] }, within);

    assert.deepEqual(recorded, { ok: true, value: undefined });
    await resolves(index, entryOf(1));
    assert.equal(index.control.batches.length, 0);
  });

  it("writes a checkpoint in the same batch as its entries, behind those recorded earlier (IDX-3)", async () => {
    const index = await startIndex();
    const life = await lifeOf(index);
    index.control.isHeld = true;
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.ref.call("record", { entries: [entryOf(2)], checkpoint: { cursor: "c2", life } }, within);
    assert.equal(index.control.batches.length, 0);

    index.control.release();
    await index.clock.advance(WRITE_PAUSE_MS);

    const names = index.control.batches.map((changes) =>
      changes.map(({ key }) => Buffer.from(key).toString("latin1").slice(0, 12)),
    );
    const keyOf = (number: number) => `a${Buffer.from(entryOf(number).address.slice(3, 25), "hex").toString("latin1")}`;
    assert.deepEqual(names, [
      ["m:format", keyOf(1)],
      [keyOf(2), "m:checkpoint"],
    ]);
  });

  it("gathers what arrives in the pause after a batch, until it is over or half of the room is taken", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.clock.settle();
    const sizes = () => index.control.batches.map((changes) => changes.length);
    await index.ref.call("record", { entries: [entryOf(2)] }, within);
    await index.clock.advance(WRITE_PAUSE_MS - 1);
    assert.deepEqual(sizes(), [2], "the format and the first entry, which waited for nobody");
    await index.clock.advance(1);
    assert.deepEqual(sizes(), [2, 1]);

    await index.ref.call("record", { entries: [entryOf(3)] }, within);
    await index.clock.settle();
    assert.deepEqual(sizes(), [2, 1]);
    await index.ref.call("record", { entries: [entryOf(4)] }, within);
    await index.clock.settle();

    assert.deepEqual(sizes(), [2, 1, 2]);
  });

  it("writes what waits at its end, whatever is left of the pause", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.clock.settle();
    await index.ref.call("record", { entries: [entryOf(2)] }, within);

    await index.actor.stop();

    assert.deepEqual(
      index.control.batches.map((changes) => changes.length),
      [2, 1],
    );
  });

  it("keeps a refused batch, whole and first in line, and says that it is degraded until it is written", async () => {
    const index = await startIndex();
    await finishRebuild(index);
    const life = await lifeOf(index);
    index.control.refusal = "no space";
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.clock.settle();
    await index.ref.call("record", { entries: [entryOf(2)], checkpoint: { cursor: "c2", life } }, within);
    await index.clock.settle();
    assert.deepEqual(index.actor.health, { state: "degraded", reason: "store: invariant broken: no space" });
    assert.equal(index.control.batches.length, 0);

    index.control.refusal = undefined;
    await index.clock.advance(1000);

    assert.deepEqual(
      index.control.batches.map((changes) => changes.length),
      [2, 2],
    );
    assert.deepEqual(index.actor.health, { state: "ready", reason: undefined });
  });

  it("answers only when there is room again, while the store merely is slow (IDX-5)", async () => {
    const index = await startIndex();
    index.control.isHeld = true;
    await index.ref.call("record", { entries: [1, 2, 3].map((number) => entryOf(number)) }, within);
    let answered = false;

    const fourth = index.ref.call("record", { entries: [entryOf(4)] }, within).then((result) => {
      answered = true;
      return result;
    });
    await index.clock.settle();
    assert.equal(answered, false);
    await resolves(index, entryOf(4));
    index.control.release();

    assert.deepEqual(await fourth, { ok: true, value: undefined });
  });

  it("fails with index.full, and keeps nothing, past the limit while the store refuses writes (IDX-5)", async () => {
    const index = await startIndex();
    index.control.refusal = "no space";
    await index.ref.call("record", { entries: [1, 2, 3].map((number) => entryOf(number)) }, within);
    const past = await index.ref.call("record", { entries: [entryOf(4)] }, within);
    assert(past.ok);

    const refused = await index.ref.call("record", { entries: [entryOf(5)] }, within);

    const failure = { code: "index.full", pendingCount: 4, pendingCountMax: 3 };
    assert.deepEqual(refused, { ok: false, failure });
    await resolves(index, entryOf(4));
    assert.deepEqual(await failureOf(index, entryOf(5)), { code: "index.rebuilding", doneCount: 0, totalCount: 0 });
  });

  it("counts an address once, however often it is recorded", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1), entryOf(1), entryOf(2)] }, within);
    await index.clock.settle();
    await index.ref.call("record", { entries: [entryOf(2), entryOf(3)] }, within);

    const facts = await index.ref.call("describe", {}, within);

    assert.deepEqual(facts, {
      ok: true,
      value: {
        entryCount: 3,
        rebuilding: { doneCount: 0, totalCount: 0 },
        names: { nameCount: 0, recordCount: 0, frozenCount: 0 },
      },
    });
  });
});

describe("index: feeding", () => {
  it("goes on, after a restart in good order, from the checkpoint and with what was recorded (IDX-3)", async () => {
    const index = await startIndex();
    const checkpoint = { cursor: "c1", life: await lifeOf(index) };
    await index.ref.call("record", { entries: [entryOf(1)], checkpoint }, within);
    await index.actor.stop();

    const next = await startIndex({ stores: index.stores });

    const start = await next.ref.call("readCheckpoint", {}, within);
    assert(start.ok);
    assert.deepEqual({ ...start.value, life: "" }, { cursor: "c1", life: "", entryCount: 1 });
    await resolves(next, entryOf(1));
  });

  it("is rebuilding again in every life, so that what a crash forgot is not called unknown (IDX-1)", async () => {
    const index = await startIndex();
    await finishRebuild(index);
    index.control.isHeld = true;
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    index.control.refusal = "crashed before the write";
    index.control.release();

    await index.crash();

    assert.deepEqual(await failureOf(index, entryOf(1)), { code: "index.rebuilding", doneCount: 0, totalCount: 0 });
  });

  it("keeps the entries but not the checkpoint of a feeder that began with an earlier life (IDX-4)", async () => {
    const index = await startIndex();
    const earlier = await lifeOf(index);
    await index.crash();
    const life = await lifeOf(index);
    assert.notEqual(life, earlier);

    const checkpoint = { cursor: "c9", life: earlier };
    const recorded = await index.ref.call("record", { entries: [entryOf(1)], checkpoint }, within);

    assert.deepEqual(recorded, { ok: false, failure: { code: "index.restarted", life } });
    await resolves(index, entryOf(1));
    const start = await index.ref.call("readCheckpoint", {}, within);
    assert.deepEqual(start, { ok: true, value: { cursor: undefined, life, entryCount: 1 } });
  });

  it("does not believe a done that was meant for an earlier life (IDX-4)", async () => {
    const index = await startIndex();
    const earlier = await lifeOf(index);
    await index.crash();

    const report = { life: earlier, doneCount: 1, totalCount: 1, done: true };
    const reported = await index.ref.call("reportRebuild", report, within);

    assert.equal(reported.ok, false);
    assert.deepEqual(await failureOf(index, entryOf(1)), { code: "index.rebuilding", doneCount: 0, totalCount: 0 });
  });

  it("shows progress as health, and stays ready once it was done", async () => {
    const index = await startIndex();
    const life = await lifeOf(index);
    assert.deepEqual(index.actor.health, { state: "degraded", reason: "rebuilding: 0 of 0" });

    await index.ref.call("reportRebuild", { life, doneCount: 10, totalCount: 30, done: false }, within);
    assert.deepEqual(index.actor.health, { state: "degraded", reason: "rebuilding: 10 of 30" });
    const progress = { code: "index.rebuilding", doneCount: 10, totalCount: 30 };
    assert.deepEqual(await failureOf(index, entryOf(1)), progress);
    await finishRebuild(index);
    await index.ref.call("reportRebuild", { life, doneCount: 10, totalCount: 30, done: false }, within);

    assert.deepEqual(index.actor.health, { state: "ready", reason: undefined });
  });
});

describe("index: a store that cannot be read", () => {
  it("is removed and opened fresh when it does not open (IDX-7)", async () => {
    const stores = memoryKvStores();
    stores.damage(DIRECTORY);

    const index = await startIndex({ stores });

    assert.deepEqual(index.removed, [DIRECTORY]);
    const start = await index.ref.call("readCheckpoint", {}, within);
    assert(start.ok);
    assert.equal(start.value.cursor, undefined);
  });

  for (const [what, changes] of [
    ["of another version", [{ key: FORMAT_KEY, value: Uint8Array.of(ENTRY_VERSION + 1) }]],
    ["without a version", [{ key: CHECKPOINT_KEY, value: Uint8Array.of(1) }]],
  ] as const) {
    it(`is removed and opened fresh when it is ${what} (IDX-7)`, async () => {
      const stores = memoryKvStores();
      const opened = await stores.open(DIRECTORY, { mapBytesMax: 1_048_576 });
      assert(opened.ok);
      await opened.value.batch(changes);
      await opened.value.close();

      const index = await startIndex({ stores });

      assert.deepEqual(index.removed, [DIRECTORY]);
    });
  }

  it("is removed and opened fresh when what it says of itself has decayed (IDX-7)", async () => {
    for (const key of [FORMAT_KEY, CHECKPOINT_KEY]) {
      const stores = memoryKvStores();
      const first = await startIndex({ stores });
      const checkpoint = { cursor: "somewhere", life: await lifeOf(first) };
      await first.ref.call("record", { entries: [entryOf(1)], checkpoint }, within);
      await first.actor.stop();
      stores.damageValue(DIRECTORY, key);

      const index = await startIndex({ stores });

      assert.deepEqual(index.removed, [DIRECTORY]);
    }
  });

  it("is removed, and the life ends, when a read of it throws (IDX-7)", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.clock.settle();
    await finishRebuild(index);
    index.control.isUnreadable = true;

    const resolved = await index.ref.call("resolve", { address: entryOf(1).address }, within);

    assert.equal(resolved.ok ? "" : resolved.failure.code, "runtime.actor-crashed");
    assert.deepEqual(index.removed, [DIRECTORY]);
    await index.restart();
    assert.deepEqual(await failureOf(index, entryOf(1)), { code: "index.rebuilding", doneCount: 0, totalCount: 0 });
  });

  it("is removed, and the life ends, when an entry in it is malformed (IDX-7)", async () => {
    const index = await startIndex();
    await index.ref.call("record", { entries: [entryOf(1)] }, within);
    await index.clock.settle();
    await index.actor.stop();
    const opened = await index.stores.open(DIRECTORY, { mapBytesMax: 1_048_576 });
    assert(opened.ok);
    const [written] = opened.value.range(Buffer.from("a"), Buffer.from("b"), 1);
    assert(written !== undefined);
    await opened.value.batch([{ key: written.key, value: written.value.subarray(1) }]);
    await opened.value.close();
    const next = await startIndex({ stores: index.stores });

    const resolved = await next.ref.call("resolve", { address: entryOf(1).address }, within);

    assert.equal(resolved.ok ? "" : resolved.failure.code, "runtime.actor-crashed");
    assert.deepEqual(next.removed, [DIRECTORY]);
  });
});

describe("index: a disk without room for a new store", () => {
  it("keeps entries in memory, in a state that says so, and moves them to the disk when it has room", async () => {
    const stores = memoryKvStores();
    stores.refuseNew(true);
    const index = await startIndex({ stores });
    for (const number of [1, 2, 3, 4]) await index.ref.call("record", { entries: [entryOf(number)] }, within);
    await index.clock.advance(WRITE_PAUSE_MS);
    await finishRebuild(index);
    assert.deepEqual(index.actor.health, { state: "degraded", reason: "index in memory, the disk is full" });
    await index.clock.advance(MOVE_INTERVAL_MS);
    await index.clock.advance(1);
    assert.equal(index.actor.health.state, "degraded");

    stores.refuseNew(false);
    for (let attempt = 0; attempt < 4; attempt += 1) {
      await index.clock.advance(MOVE_INTERVAL_MS);
      // After many turns in a row the dispatcher lets the loop have one.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }

    assert.deepEqual(index.actor.health, { state: "ready", reason: undefined });
    await index.crash();
    for (const number of [1, 2, 3, 4]) await resolves(index, entryOf(number));
  });

  it("starts again and again, where what is there cannot be read either", async () => {
    const stores = memoryKvStores();
    const index = await startIndex({ stores });
    stores.damage(DIRECTORY);
    stores.refuseNew(true);

    for (let life = 0; life < 3; life += 1) {
      await index.crash();
      await index.ref.call("record", { entries: [entryOf(7)] }, within);
      await resolves(index, entryOf(7));
    }
  });
});
