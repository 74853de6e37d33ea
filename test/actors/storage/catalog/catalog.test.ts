/** What the catalog's store says of itself, whenever it was written. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { OVERLAY_CHANGES_MAX } from "#actors/storage/catalog/kv-overlay.ts";
import { packsBefore } from "#actors/storage/packs/pack-number.ts";
import { must } from "#runtime/errors.ts";
import type { Kv } from "#runtime/kv/kv.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { MiB } from "#runtime/units.ts";

const digest = (number: number): Digest => digestFromBytes(new Uint8Array(32).fill(number));

function commit(catalog: Catalog, sequence: number): void {
  const where = { kind: "manifest", pack: 1, position: 64 * sequence, payloadOffset: 128, payloadBytes: 10 } as const;
  const entry: CatalogEntry = { ...where, sequence, damage: "none" };
  const [manifest, object] = [digest(sequence), digest(100 + sequence)];
  catalog.insertCommit({ sequence, manifest, object, sizeBytes: 10, isTransient: false }, entry);
}

describe("catalog: flush", () => {
  it("writes the last sequence of what it writes, also of what came while an earlier flush was under way", async () => {
    const opened = await memoryKvStores().open("/catalog", { mapBytesMax: 1e6 });
    assert(opened.ok);
    const kv = opened.value;
    const released = Promise.withResolvers<void>();
    const slow: Kv = {
      get: (key) => kv.get(key),
      range: (from, to, limit) => kv.range(from, to, limit),
      batch: async (changes) => {
        await released.promise;
        await kv.batch(changes);
      },
      count: () => kv.count(),
      flush: () => kv.flush(),
      close: () => kv.close(),
    };
    const catalog = new Catalog(slow);

    commit(catalog, 1);
    const first = catalog.flush();
    await undefined;
    commit(catalog, 2);
    const second = catalog.flush();
    commit(catalog, 3);
    released.resolve();
    await first;
    await second;

    const reopened = new Catalog(kv);
    assert.notEqual(reopened.commitAt(3), undefined, "the third commit was written");
    assert.deepEqual([reopened.highestSequence, reopened.totals], [3, catalog.totals]);
  });

  it("goes on after its store has thrown at once", async () => {
    const opened = await memoryKvStores().open("/catalog", { mapBytesMax: 1e6 });
    assert(opened.ok);
    const kv = opened.value;
    const { batch } = kv;
    kv.batch = () => {
      throw new Error("not now");
    };
    const catalog = new Catalog(kv);
    commit(catalog, 1);
    await catalog.flush();
    assert.equal(catalog.refusal, "not now");

    kv.batch = batch;
    await catalog.flush();

    assert.equal(catalog.refusal, undefined);
    assert.notEqual(new Catalog(kv).commitAt(1), undefined);
  });
});

describe("catalog: an early flush", () => {
  it("begins once when enough is pending, also where something else than a record was the last of it", async () => {
    const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 64 * MiB }), "a store opens");
    const catalog = new Catalog(kv);
    const batches: number[] = [];
    const { batch } = kv;
    const release: (() => void)[] = [];
    kv.batch = async (changes) => {
      batches.push(changes.length);
      await new Promise<void>((resolve) => release.push(resolve));
      await batch.call(kv, changes);
    };
    for (let pack = 1; pack <= OVERLAY_CHANGES_MAX; pack += 1) catalog.setVerified(pack, 1);

    for (let sequence = 1; sequence <= 3; sequence += 1) commit(catalog, sequence);
    await turns();

    // With two changes of each commit, and the sum of all.
    assert.deepEqual(batches, [OVERLAY_CHANGES_MAX + 7]);
    for (let pack = 1; pack <= OVERLAY_CHANGES_MAX; pack += 1) catalog.setVerified(pack, 2);
    for (let sequence = 4; sequence <= 6; sequence += 1) commit(catalog, sequence);
    await turns();
    release.shift()?.();
    await turns();
    assert.deepEqual(batches, [OVERLAY_CHANGES_MAX + 7, OVERLAY_CHANGES_MAX + 7]);
    catalog.setVerified(1, 3);
    release.shift()?.();
    await turns();
    assert.equal(batches.length, 2, "what came since is too little for a flush");
  });
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("catalog: several commits of one manifest", () => {
  for (const sequences of [
    [5, 7, 6],
    [7, 5, 6],
  ]) {
    it(`keeps the newest, whatever volume says which, in the order ${sequences} (STO-92)`, async () => {
      const opened = await memoryKvStores().open("/catalog", { mapBytesMax: 1e6 });
      assert(opened.ok);
      const catalog = new Catalog(opened.value);
      const [manifest, object] = [digest(1), digest(2)];
      for (const [at, sequence] of sequences.entries()) {
        const where = { kind: "manifest", position: 64, payloadOffset: 128, payloadBytes: 10 } as const;
        const entry: CatalogEntry = { ...where, pack: packsBefore(1 + at) + 1, sequence, damage: "none" };
        catalog.insertCommit({ sequence, manifest, object, sizeBytes: 10, isTransient: false }, entry);
      }

      assert.equal(catalog.commitOf(manifest)?.sequence, 7);
      assert.deepEqual(
        catalog.commits(0, 10, 10).map(({ sequence }) => sequence),
        [7],
      );
      assert.deepEqual(
        catalog.records("manifest", manifest).map(({ isOutdated, sequence }) => [sequence, isOutdated === true]),
        sequences.map((sequence) => [7, sequence !== 7]),
      );
      assert.equal(catalog.totals.manifestCount, 1);
    });
  }
});
