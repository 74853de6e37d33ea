/** Names that are made here: those of tags, of places in a stream, and of what an event says. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestOf } from "#actors/ingest/rows/digest.ts";
import { firstNs, monthOf } from "#actors/ingest/rows/partitions.ts";
import { placeOf, streamIdOf } from "#actors/ingest/rows/stream-id.ts";
import { TagIds, tagIdOf } from "#actors/ingest/rows/tag-ids.ts";
import { rowOf } from "#test/actors/ingest/rows/scene.ts";

const DAY_NS = 86_400_000_000_000n;

describe("ids of tags", () => {
  it("are the same for one tag in any case, in any script", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (key, value) => {
        const id = tagIdOf({ key, value });
        assert.equal(tagIdOf({ key: key.toUpperCase(), value: value.toLowerCase() }), id);
        assert.equal(tagIdOf({ key: key.toLowerCase(), value: value.toUpperCase() }), id);
      }),
      { examples: [["ẞςΣİıŉ", "straße"]] },
    );
    assert.equal(tagIdOf({ key: "ΟΔΟΣ", value: "ẞ" }), tagIdOf({ key: "οδοσ", value: "SS" }));
  });

  it("differ with key and value, wherever one ends and the other begins", () => {
    const tags = [
      ["a", "bc"],
      ["ab", "c"],
      ["abc", ""],
      ["", "abc"],
      ['a","b', "c"],
      ["a", 'b","c'],
      ["b", "ac"],
    ];
    const ids = tags.map(([key = "", value = ""]) => tagIdOf({ key, value }));
    assert.equal(new Set(ids).size, tags.length);
  });

  it("are each there once, with the first of what has it", () => {
    const [a, b] = [
      { key: "A", value: "x" },
      { key: "b", value: "x" },
    ];
    const ids = new TagIds().of([a, { key: "a", value: "X" }, b, a]);
    assert.deepEqual([...ids.values()], [a, b]);
  });

  it("are the same whether they are remembered or not, however many there are", () => {
    const tag = fc.record({ key: fc.constantFrom("a", "1:", "1:a", "aa"), value: fc.constantFrom("", "a", "aa", "A") });
    fc.assert(
      fc.property(fc.array(fc.array(tag, { maxLength: 3 })), (events) => {
        const ids = new TagIds(2);
        for (const tags of events) {
          assert.deepEqual([...ids.of(tags).keys()], [...new Set(tags.map(tagIdOf))]);
        }
      }),
    );
  });
});

describe("stream ids", () => {
  it("are read as they are written, up to 64 bits", () => {
    const streamId = streamIdOf(7, "18446744073709551615-18446744073709551614");
    const [ms, sequence] = ["18446744073709551615", "18446744073709551614"];
    assert.deepEqual(placeOf(streamId), { generation: 7, ms, sequence });
  });

  it("are nothing else", () => {
    for (const wrong of [
      "",
      "1-1",
      "0:1",
      "0:1-",
      ":1-1",
      "-1:1-1",
      "0:1-1 ",
      "0:-1-1",
      "1.5:1-1",
      `0:${"1".repeat(21)}-1`,
    ]) {
      assert.throws(() => placeOf(wrong), /GENERATION:MS-SEQUENCE/, wrong);
    }
    assert.throws(() => streamIdOf(0, "1760000000000"), /an id/);
    assert.throws(() => streamIdOf(1e9, "1-1"), /nine digits/);
  });
});

describe("digests of events", () => {
  it("have 16 bytes, and are those of what is said, whoever says it", () => {
    const digest = digestOf(rowOf(1));
    assert.equal(digest.length, 16);
    assert.deepEqual(digestOf(rowOf(2, { receivedMs: 5, streamId: "1:1-1" })), digest);
  });

  it("differ where a piece of one part could be one of the next", () => {
    const rows = [
      rowOf(1, { tags: [], payload: "1\n[]\n2" }),
      rowOf(1, { tags: [], tsNs: 1n, payload: "[]\n2" }),
      rowOf(1, { tags: [{ key: '"],["', value: "" }] }),
      rowOf(1, { tags: [{ key: "", value: '"],["' }] }),
      rowOf(1, { tags: [] }),
    ];
    assert.equal(new Set(rows.map((row) => digestOf(row).toString("hex"))).size, rows.length);
  });
});

describe("months", () => {
  it("begin where the one before ends, and have every moment", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), (ns) => {
        const month = monthOf(ns);
        assert(firstNs(month) <= ns && ns < firstNs(month + 1));
        const days = (firstNs(month + 1) - firstNs(month)) / DAY_NS;
        assert(days >= 28n && days <= 31n);
      }),
    );
  });
});
