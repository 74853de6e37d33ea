/** What is encoded can be read, and nothing else can. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SLOT_MAX } from "#actors/storage/packs/pack-number.ts";
import { decodeMark, encodeMark, type VolumeMark, withCrc } from "#actors/storage/volumes/volume-mark.ts";
import { Defect } from "#runtime/errors.ts";

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const marks: fc.Arbitrary<VolumeMark> = fc.record(
  {
    id: hex(16),
    slot: fc.integer({ min: 1, max: SLOT_MAX }),
    node: hex(32),
  },
  { noNullPrototype: true },
);
const sample = { id: "0123456789abcdef", slot: 7, node: "00112233445566778899aabbccddeeff" };

describe("volume mark (STO-71)", () => {
  it("is what the format's page shows", () => {
    assert.equal(
      Buffer.from(encodeMark(sample)).toString(),
      "cepa-volume/1\nid 0123456789abcdef\nslot 7\nnode 00112233445566778899aabbccddeeff\ncrc 7e21b019\n",
    );
  });

  it("comes back as it was", () => {
    fc.assert(
      fc.property(marks, (mark) => {
        assert.deepEqual(decodeMark(encodeMark(mark)), mark);
      }),
    );
  });

  it("is none where any bit has turned, bytes are missing, or there are more", () => {
    fc.assert(
      fc.property(
        marks,
        fc.nat(),
        fc.integer({ min: 0, max: 7 }),
        fc.uint8Array({ minLength: 1 }),
        (mark, at, bit, behind) => {
          const bytes = Buffer.from(encodeMark(mark));
          const turned = Buffer.from(bytes);
          const position = at % bytes.length;
          turned.writeUInt8(turned.readUInt8(position) ^ (1 << bit), position);

          assert.equal(decodeMark(turned), undefined);
          assert.equal(decodeMark(bytes.subarray(0, position)), undefined);
          assert.equal(decodeMark(Buffer.concat([bytes, behind])), undefined);
        },
      ),
    );
  });

  it("is none in anything else, whatever it is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.equal(decodeMark(bytes), undefined);
      }),
    );
  });

  it("is none in another version, with a slot that there is not, or spelled otherwise, also where the CRC holds", () => {
    const { id, node } = sample;

    assert.deepEqual(decodeMark(withCrc(`cepa-volume/1\nid ${id}\nslot ${SLOT_MAX}\nnode ${node}\n`)), {
      ...sample,
      slot: SLOT_MAX,
    });
    for (const text of [
      `cepa-volume/2\nid ${id}\nslot 7\nnode ${node}\n`,
      `cepa-volume/1\nid ${id}\nslot ${SLOT_MAX + 1}\nnode ${node}\n`,
      `cepa-volume/1\nid ${id}\nslot 0\nnode ${node}\n`,
      `cepa-volume/1\nid ${id}\nslot 07\nnode ${node}\n`,
      `cepa-volume/1\nid ${id.toUpperCase()}\nslot 7\nnode ${node}\n`,
      `cepa-volume/1\nnode ${node}\nid ${id}\nslot 7\n`,
    ]) {
      assert.equal(decodeMark(withCrc(text)), undefined, text);
    }
  });

  it("of what is no volume is not encoded", () => {
    for (const wrong of [{ id: "x" }, { slot: 0 }, { slot: SLOT_MAX + 1 }, { slot: 1.5 }, { node: sample.id }]) {
      assert.throws(() => encodeMark({ ...sample, ...wrong }), Defect);
    }
  });
});
