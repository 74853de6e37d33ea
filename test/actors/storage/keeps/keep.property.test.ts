/** What a keep says of a commit, its record in the journal, and the table that the records add up to. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { coveredWith, FOR_EVER, fateOf, holdsUntil, isVoid, type Keep, NO_KEEP } from "#actors/storage/keeps/keep.ts";
import {
  decodeKeep,
  encodeKeep,
  KEEP_RECORD_BYTES,
  type KeepName,
  keepNameOf,
} from "#actors/storage/keeps/keep-codec.ts";
import { KeepTable } from "#actors/storage/keeps/keep-table.ts";

const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes): Digest => digestFromBytes(bytes));
const names = fc
  .tuple(fc.boolean(), digests)
  .map(([isRoot, digest]): KeepName => (isRoot ? `m${digest}` : `o${digest}`));
const graves = fc.record(
  { upTo: fc.maxSafeNat(), lastingUpTo: fc.maxSafeNat(), upToPack: fc.integer({ min: 1, max: 2 ** 32 - 1 }) },
  { noNullPrototype: true },
);
const removals = fc.record(
  {
    upTo: fc.maxSafeNat(),
    lastingUpTo: fc.maxSafeNat(),
    atMs: fc.maxSafeNat(),
    manifest: digests,
    sizeBytes: fc.maxSafeNat(),
    buriedUpToPack: fc.nat(2 ** 32 - 1),
    grave: fc.option(graves, { nil: undefined }),
  },
  { noNullPrototype: true },
);
const keeps: fc.Arbitrary<Keep> = fc.record(
  {
    pinnedUntilMs: fc.oneof(fc.constant(0), fc.constant(FOR_EVER), fc.maxSafeNat()),
    unpinnedUpTo: fc.maxSafeNat(),
    removal: fc.option(removals, { nil: undefined }),
  },
  { noNullPrototype: true },
);
const commits = fc.record({ sequence: fc.integer({ min: 1, max: 100 }), isTransient: fc.boolean() });
const manifest = digestFromBytes(new Uint8Array(32));
const removal = { upTo: 5, lastingUpTo: 5, atMs: 1, manifest, sizeBytes: 1, buriedUpToPack: 0, grave: undefined };

describe("keep: the fate of a commit", () => {
  it("is to be kept where nothing is known, unless its put asked for no more than a time", () => {
    assert.equal(fateOf({ sequence: 1, isTransient: false }, undefined, 0), "kept");
    assert.equal(fateOf({ sequence: 1, isTransient: true }, undefined, 0), "loose");
  });

  it("is that of its removal up to the sequence that the removal names, and not behind", () => {
    const keep = { ...NO_KEEP, removal };
    assert.equal(fateOf({ sequence: 5, isTransient: false }, keep, 0), "removed");
    assert.equal(fateOf({ sequence: 6, isTransient: false }, keep, 0), "kept");
    const buried = { ...keep, removal: { ...removal, buriedUpToPack: 1 } };
    assert.equal(fateOf({ sequence: 5, isTransient: false }, buried, 0), "buried");
    const above = { ...keep, removal: { ...removal, grave: { upTo: 4, lastingUpTo: 4, upToPack: 1 } } };
    assert.equal(fateOf({ sequence: 4, isTransient: false }, above, 0), "buried");
    assert.equal(fateOf({ sequence: 5, isTransient: false }, above, 0), "removed");
  });

  it("is to be kept while it is pinned, and not from the moment that the pin ends", () => {
    const pinned = { ...NO_KEEP, pinnedUntilMs: 10, unpinnedUpTo: 5 };
    assert.equal(fateOf({ sequence: 5, isTransient: false }, pinned, 9), "kept");
    assert.equal(fateOf({ sequence: 5, isTransient: false }, pinned, 10), "loose");
    assert.equal(fateOf({ sequence: 6, isTransient: false }, pinned, 10), "kept");
  });

  it("of one that asked for no end is not that of younger ones which asked for a time", () => {
    const keep = {
      ...NO_KEEP,
      removal: { ...removal, lastingUpTo: 3, grave: { upTo: 2, lastingUpTo: 1, upToPack: 1 } },
    };
    assert.equal(fateOf({ sequence: 4, isTransient: false }, keep, 0), "kept");
    assert.equal(fateOf({ sequence: 4, isTransient: true }, keep, 0), "removed");
    assert.equal(fateOf({ sequence: 2, isTransient: false }, keep, 0), "removed");
    assert.equal(fateOf({ sequence: 2, isTransient: true }, keep, 0), "buried");
    assert.equal(fateOf({ sequence: 1, isTransient: false }, keep, 0), "buried");
  });

  it("changes for nobody but whom it was loose for, where a collection removes what is", () => {
    fc.assert(
      fc.property(commits, commits, keeps, (commit, other, keep) => {
        fc.pre(fateOf(commit, keep, 0) === "loose");
        const before = fateOf(other, keep, 0);
        const after = fateOf(other, { ...NO_KEEP, removal: { ...removal, ...coveredWith(commit, keep) } }, 0);

        if (before === "kept") assert(after === "kept" && !other.isTransient);
        else if (before !== "loose") assert.equal(after, "removed");
        assert.equal(
          fateOf(commit, { ...NO_KEEP, removal: { ...removal, ...coveredWith(commit, keep) } }, 0),
          "removed",
        );
      }),
    );
  });

  it("is never worse than kept for what holds until then", () => {
    fc.assert(
      fc.property(
        commits,
        fc.option(keeps, { nil: undefined }),
        fc.nat(1000),
        fc.nat(1000),
        (commit, keep, now, more) => {
          if (holdsUntil(commit, keep, now + more + 1)) assert.equal(fateOf(commit, keep, now), "kept");
        },
      ),
    );
  });

  it("does not hold for ever by a pin that ends", () => {
    assert(!holdsUntil({ sequence: 1, isTransient: true }, { ...NO_KEEP, pinnedUntilMs: 1e15 }, FOR_EVER));
    assert(holdsUntil({ sequence: 1, isTransient: true }, { ...NO_KEEP, pinnedUntilMs: FOR_EVER }, FOR_EVER));
  });

  it("is the same without a keep that is void", () => {
    fc.assert(
      fc.property(commits, keeps, fc.maxSafeNat(), (commit, keep, now) => {
        if (isVoid(keep, now)) assert.equal(fateOf(commit, keep, now), fateOf(commit, undefined, now));
      }),
    );
  });
});

describe("keep: its record", () => {
  it("says what was written, also that there is nothing to say", () => {
    fc.assert(
      fc.property(names, fc.option(keeps, { nil: undefined }), (name, keep) => {
        const record = encodeKeep({ name, keep });
        assert.equal(record.length, KEEP_RECORD_BYTES);
        assert.deepEqual(decodeKeep(record), { name, keep });
      }),
    );
  });

  it("is refused where it is of another length, version or kind", () => {
    const record = Buffer.from(encodeKeep({ name: keepNameOf({ object: manifest, manifest }), keep: NO_KEEP }));
    assert.equal(decodeKeep(record.subarray(1)), undefined);
    assert.equal(decodeKeep(Buffer.concat([record, Buffer.alloc(1)])), undefined);
    for (const [at, value] of [
      [0, 1],
      [0, 3],
      [1, 0x78],
    ] as const) {
      const other = Buffer.from(record);
      other[at] = value;
      assert.equal(decodeKeep(other), undefined);
    }
  });

  it("of the version before covers all commits alike", () => {
    const keep = { ...NO_KEEP, removal: { ...removal, grave: { upTo: 4, lastingUpTo: 4, upToPack: 1 } } };
    const name = keepNameOf({ object: manifest, manifest });
    const record = Buffer.from(encodeKeep({ name, keep })).subarray(0, 128);
    assert.equal(decodeKeep(record), undefined);
    record[0] = 1;
    assert.deepEqual(decodeKeep(record), { name, keep });
  });

  it("names an object and the root of a manifest apart, also where they have one digest", () => {
    assert.notEqual(keepNameOf({ object: manifest, manifest }), keepNameOf({ object: undefined, manifest }));
  });
});

describe("keep: the table", () => {
  it("is what the last record of each name says, counts it, and snapshots to itself", () => {
    const someNames = fc.array(names, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        someNames,
        fc.array(fc.tuple(fc.nat(3), fc.option(keeps, { nil: undefined })), { maxLength: 30 }),
        (all, changes) => {
          const [table, again] = [new KeepTable(), new KeepTable()];
          const model = new Map<KeepName, Keep>();
          for (const [at, keep] of changes) {
            const name = all[at % all.length];
            assert(name !== undefined);
            table.apply(encodeKeep({ name, keep }));
            if (keep === undefined) model.delete(name);
            else model.set(name, keep);
          }
          for (const record of table.snapshot()) again.apply(record);
          const inTrash = [...model.values()].filter((keep) => keep.removal?.buriedUpToPack === 0);
          for (const one of [table, again]) {
            assert.deepEqual(new Map(one.entries()), model);
            assert.equal(one.totals.trashCount, inTrash.length);
          }
        },
      ),
    );
  });
});
