/** What is remembered of the catalog's records is what its store says, whatever was asked and changed before. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestFromBytes } from "#actors/domain/address.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { KvOverlay } from "#actors/storage/catalog/kv-overlay.ts";
import { RECORDS_REMEMBERED_MAX, RecordTable } from "#actors/storage/catalog/record-table.ts";
import { memoryKv } from "#runtime/kv/memory-kv.ts";
import { MiB } from "#runtime/units.ts";

const digestOf = (number: number) => {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32LE(number, 0);
  return digestFromBytes(bytes);
};

const entry = (kind: CatalogEntry["kind"], position: number): CatalogEntry => {
  return { kind, pack: 1, position, payloadOffset: 128, payloadBytes: 9, sequence: 0, damage: "none" };
};

const steps = fc.array(
  fc.record({
    what: fc.constantFrom("get", "set", "remove", "flush"),
    kind: fc.constantFrom("chunk" as const, "manifest" as const),
    number: fc.nat({ max: 3 }),
    position: fc.nat({ max: 99 }),
  }),
  { maxLength: 60, size: "max" },
);

describe("storage: the table of records", () => {
  it("answers as one does that remembers nothing", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const overlay = new KvOverlay(memoryKv(MiB));
        const table = new RecordTable(overlay);
        for (const { what, kind, number, position } of taken) {
          const digest = digestOf(number);
          if (what === "set") table.set(kind, digest, [entry(kind, position)]);
          if (what === "remove") table.set(kind, digest, []);
          if (what === "flush") await overlay.flush();

          assert.deepEqual(table.get(kind, digest), new RecordTable(overlay).get(kind, digest));
        }
      }),
    );
  });

  it("asks the store once for what is not there, and again when it has been asked for much else", () => {
    const kv = memoryKv(MiB);
    let askedCount = 0;
    const counted = {
      ...kv,
      get: (key: Uint8Array) => {
        askedCount += 1;
        return kv.get(key);
      },
    };
    const table = new RecordTable(new KvOverlay(counted));

    for (let time = 0; time < 3; time += 1) assert.deepEqual(table.get("chunk", digestOf(0)), []);
    assert.equal(askedCount, 1);

    for (let number = 1; number <= RECORDS_REMEMBERED_MAX; number += 1) table.get("chunk", digestOf(number));
    table.get("chunk", digestOf(0));
    assert.equal(askedCount, RECORDS_REMEMBERED_MAX + 2);
  });
});
