/** What is encoded can be read, and nothing else can. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { WEIGHT_MAX } from "#actors/domain/shard-placement.ts";
import { SLOT_MAX } from "#actors/storage/packs/pack-number.ts";
import { withCrc } from "#actors/storage/volumes/volume-mark.ts";
import { decodeMemory, encodeMemory, type VolumeMemory } from "#actors/storage/volumes/volume-memory.ts";

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
// Of lines as people see them there are more ends than those that a path cannot have.
const character = fc.oneof(
  { weight: 20, arbitrary: fc.string({ unit: "grapheme", maxLength: 1 }) },
  fc.constant("\u2028"),
);
const path = fc.string({ unit: character }).map((text) => `/${text.replaceAll(/[\r\n\0]/g, " ")}`);
const volume = fc.record(
  {
    id: hex(16),
    slot: fc.integer({ min: 1, max: SLOT_MAX }),
    weight: fc.integer({ min: 1, max: WEIGHT_MAX }),
    path: fc.oneof(path, fc.constant("")),
  },
  { noNullPrototype: true },
);
const memories: fc.Arbitrary<VolumeMemory> = fc
  .tuple(
    hex(32),
    fc.uniqueArray(volume, { maxLength: 8, selector: ({ slot }) => slot }),
    fc.nat({ max: 9 }),
    fc.array(path, { maxLength: 4 }),
  )
  .map(([node, drawn, above, doubted]) => {
    const all = [...new Map(drawn.map((each) => [each.id, each])).values()];
    const slotMax = Math.min(SLOT_MAX, Math.max(0, ...all.map(({ slot }) => slot)) + above);
    const volumes = all.filter(({ slot }) => slot % 3 > 0);
    const forgotten = all.filter(({ slot }) => slot % 3 === 0).map(({ id, slot }) => ({ id, slot }));
    return { node, slotMax, volumes, forgotten, doubted };
  });

describe("memory of volumes (STO-74)", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(memories, (memory) => {
        assert.deepEqual(decodeMemory(encodeMemory(memory)), memory);
      }),
    );
  });

  it("is none where it is spelled otherwise", () => {
    const node = "0".repeat(32);
    const line = `volume ${"a".repeat(16)}`;
    const memory = (...lines: readonly string[]): VolumeMemory | undefined =>
      decodeMemory(withCrc(["cepa-volumes/1", `node ${node}`, ...lines, ""].join("\n")));

    assert(memory("slots 7", `${line} 7 100 /disk`, "doubted /old") !== undefined);
    assert.equal(memory("slots 07", `${line} 7 100 /disk`), undefined);
    assert.equal(memory("slots 7", `${line} 07 100 /disk`), undefined);
    assert.equal(memory("slots 7", `${line} 7 0100 /disk`), undefined);
    assert.equal(memory("slots 7", "doubted /old", `${line} 7 100 /disk`), undefined);
  });

  it("is none where a bit has turned or bytes are missing, and in anything else", () => {
    fc.assert(
      fc.property(memories, fc.nat(), fc.integer({ min: 0, max: 7 }), fc.uint8Array(), (memory, at, bit, other) => {
        const bytes = Buffer.from(encodeMemory(memory));
        const position = at % bytes.length;
        const turned = Buffer.from(bytes);
        turned.writeUInt8(turned.readUInt8(position) ^ (1 << bit), position);

        assert.equal(decodeMemory(turned), undefined);
        assert.equal(decodeMemory(bytes.subarray(0, position)), undefined);
        assert.equal(decodeMemory(other), undefined);
      }),
    );
  });

  it("is none in another version, or where it contradicts itself, also where the CRC holds", () => {
    const node = `node ${"0f".repeat(16)}`;
    const one = `volume ${"a".repeat(16)} 1 1 /a`;

    assert.notEqual(decodeMemory(withCrc(`cepa-volumes/1\n${node}\nslots 1\n${one}\n`)), undefined);
    for (const lines of [
      ["cepa-volumes/2", node, "slots 1", one],
      ["cepa-volumes/1", "node x", "slots 1", one],
      ["cepa-volumes/1", node, "slots 0", one],
      ["cepa-volumes/1", node, `slots ${SLOT_MAX + 1}`, one],
      ["cepa-volumes/1", node, "slots 1", one, one],
      ["cepa-volumes/1", node, "slots 1", one, `volume ${"b".repeat(16)} 1 1 /b`],
      ["cepa-volumes/1", node, "slots 1", `volume ${"a".repeat(16)} 1 0 /a`],
      ["cepa-volumes/1", node, "slots 1", "something else"],
      ["cepa-volumes/1", node],
    ]) {
      assert.equal(decodeMemory(withCrc(`${lines.join("\n")}\n`)), undefined, lines.join());
    }
  });
});
