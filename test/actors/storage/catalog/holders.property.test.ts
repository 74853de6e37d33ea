/** A catalog with several records of one payload, against a list of all that was inserted; and the entries that a seal keeps. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { holderOf, marginOf, suffice } from "#actors/storage/catalog/holders.ts";
import { decodeSealEntry, encodeSealEntry } from "#actors/storage/packs/pack-format.ts";
import { packsBefore, slotOf } from "#actors/storage/packs/pack-number.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";

const digests = fc.nat(2).map((number) => digestFromBytes(new Uint8Array(32).fill(number)));
const packs = fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 3 })).map(([slot, place]) => packsBefore(slot) + place);
const shards = fc.record(
  {
    dataShards: fc.integer({ min: 2, max: 3 }),
    parityShards: fc.constant(1),
    shard: fc.nat(2),
    chunkBytes: fc.constant(300_000),
    digest: digests,
  },
  { noNullPrototype: true },
);
const entries = fc
  .tuple(packs, fc.nat(1000), fc.option(shards, { nil: undefined }), fc.constantFrom("none", "differs", "unreadable"))
  .map(([pack, place, shard, damage]): CatalogEntry => {
    const where = { pack, position: 8192 + 8 * place, payloadOffset: 128, payloadBytes: 10, sequence: 0 } as const;
    return shard === undefined ? { kind: "chunk", ...where, damage } : { kind: "chunk", shard, ...where, damage };
  });
const changes = fc.array(fc.tuple(digests, entries, fc.constantFrom("insert", "remove")), { maxLength: 30 });

describe("catalog: several holders", () => {
  it("has one record of each, counts all of them, and finds them again in its store", async () => {
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(3), async (script, goneSlot) => {
        const opened = await memoryKvStores().open("/catalog", { mapBytesMax: 1e6 });
        assert(opened.ok);
        const isReadable = (pack: number): boolean => slotOf(pack) !== goneSlot;
        const catalog = new Catalog(opened.value, isReadable);
        const model = new Map<Digest, Map<string, CatalogEntry>>();
        for (const [digest, entry, change] of script) {
          const held = model.get(digest) ?? new Map<string, CatalogEntry>();
          model.set(digest, held);
          if (change === "insert") {
            catalog.insert(digest, entry);
            held.set(holderOf(entry), entry);
            continue;
          }
          catalog.remove(digest, entry);
          const there = [...held].find(([, { pack, position }]) => pack === entry.pack && position === entry.position);
          if (there !== undefined) held.delete(there[0]);
        }
        await catalog.flush();
        const again = new Catalog(opened.value, isReadable);
        for (const [digest, held] of model) {
          const all = [...held.values()];
          const served = all.filter(({ damage, pack }) => damage === "none" && isReadable(pack));
          for (const one of [catalog, again]) {
            assert.deepEqual(new Set(one.records("chunk", digest)), new Set(all));
            assert.equal(one.holds("chunk", digest), suffice(served));
            const found = one.findIntact("chunk", digest);
            assert.equal(
              found !== undefined,
              served.some(({ shard }) => shard === undefined),
            );
          }
        }
        const all = [...model.values()].flatMap((held) => [...held.values()]);
        assert.deepEqual(again.totals, {
          chunkCount: [...model.values()].filter(({ size }) => size > 0).length,
          manifestCount: 0,
          storedBytes: 10 * all.length,
          damagedCount: all.filter(({ damage }) => damage !== "none").length,
        });
      }),
    );
  });

  it("has one commit of a manifest with several copies, the newest, until the last of them goes", async () => {
    const opened = await memoryKvStores().open("/catalog", { mapBytesMax: 1e6 });
    assert(opened.ok);
    const catalog = new Catalog(opened.value);
    const [manifest, object] = [digestFromBytes(new Uint8Array(32)), digestFromBytes(new Uint8Array(32).fill(9))];
    const copyIn = (slot: number): CatalogEntry => ({
      kind: "manifest",
      pack: packsBefore(slot) + 1,
      position: 8192,
      payloadOffset: 128,
      payloadBytes: 10,
      sequence: 0,
      damage: "none",
    });
    for (const [sequence, slot] of [
      [1, 1],
      [1, 2],
      [2, 2],
    ] as const) {
      catalog.insertCommit({ sequence, manifest, object, sizeBytes: 5, isTransient: false }, copyIn(slot));
    }
    assert.deepEqual([catalog.commitAt(1), catalog.commitOf(manifest)?.sequence], [undefined, 2]);
    assert.deepEqual([catalog.totals.manifestCount, catalog.totals.storedBytes], [1, 20]);

    catalog.remove(manifest, copyIn(1));
    assert.equal(catalog.commitOf(manifest)?.sequence, 2);
    catalog.remove(manifest, copyIn(2));
    assert.deepEqual([catalog.commitOf(manifest), catalog.commitAt(2)], [undefined, undefined]);
    assert.deepEqual([catalog.totals.manifestCount, catalog.totals.storedBytes], [0, 0]);
  });
});

describe("holders: suffice", () => {
  it("takes one whole copy, or as many shards of one layout as it has data shards", () => {
    const shard = (dataShards: number, number: number, pack = 1): Pick<CatalogEntry, "pack" | "shard"> => {
      const digest = digestFromBytes(new Uint8Array(32));
      return { pack, shard: { dataShards, parityShards: 2, shard: number, chunkBytes: 300_000, digest } };
    };
    assert(suffice([{ pack: 1 }]));
    assert(suffice([shard(2, 0), shard(2, 3)]));
    assert(!suffice([]));
    assert(!suffice([shard(2, 1), shard(2, 1, packsBefore(1) + 1)]), "twice the same shard");
    assert(!suffice([shard(2, 0), shard(3, 1)]), "shards of two layouts");
  });
});

/** All that can be lost is lost. */
function marginByLosing(records: readonly CatalogEntry[]): number {
  if (!suffice(records)) return -1;
  const slots = new Set(records.map(({ pack }) => slotOf(pack)));
  const without = (slot: number): number => marginByLosing(records.filter(({ pack }) => slotOf(pack) !== slot));
  return 1 + Math.min(...[...slots].map(without));
}

describe("holders: marginOf", () => {
  const held = fc.array(entries, { maxLength: 6 });

  it("is never more than the volumes that may be lost, and less than none exactly where it cannot be read", () => {
    fc.assert(
      fc.property(held, (records) => {
        const margin = marginOf(records);
        assert(margin <= marginByLosing(records));
        assert.equal(margin >= 0, suffice(records));
      }),
    );
  });

  it("is as many where each shard of one layout is on one volume", () => {
    const isOfOne = ({ shard }: CatalogEntry): boolean => shard?.dataShards === 2;
    fc.assert(
      fc.property(held, (records) => {
        const shardsOfOne = [...new Map(records.filter(isOfOne).map((one) => [one.shard?.shard, one])).values()];
        assert.equal(marginOf(shardsOfOne), marginByLosing(shardsOfOne));
      }),
    );
  });

  it("counts two shards on one volume as lost together", () => {
    const digest = digestFromBytes(new Uint8Array(32));
    const shardOn = (slot: number, number: number): Pick<CatalogEntry, "pack" | "shard"> => {
      const shard = { dataShards: 2, parityShards: 2, shard: number, chunkBytes: 300_000, digest };
      return { pack: packsBefore(slot) + 1, shard };
    };
    assert.equal(marginOf([shardOn(1, 0), shardOn(2, 1), shardOn(3, 2), shardOn(4, 3)]), 2);
    assert.equal(marginOf([shardOn(1, 0), shardOn(2, 1), shardOn(3, 2), shardOn(3, 3)]), 1);
    assert.equal(marginOf([shardOn(1, 0), shardOn(3, 1), shardOn(3, 2), shardOn(3, 3)]), 0);
    assert.equal(marginOf([shardOn(3, 0), shardOn(3, 1)]), 0);
    assert.equal(marginOf([shardOn(3, 0)]), -1);
  });
});

describe("seal entry: decode", () => {
  it("reads what encode wrote of a shard", () => {
    fc.assert(
      fc.property(entries, digests, ({ shard, position, payloadBytes, payloadOffset }, digest) => {
        const commit = { sequence: 0, object: undefined, objectBytes: 0, isTransient: false };
        const where = { digest, kind: "chunk", position, payloadBytes, payloadOffset } as const;
        const entry = shard === undefined ? { ...where, ...commit } : { ...where, shard, ...commit };
        assert.deepEqual(decodeSealEntry(encodeSealEntry(entry)), entry);
      }),
    );
  });
});
