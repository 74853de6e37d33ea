/**
 * A pack whose first sector is lost with the catalog, and a client who has stored what looks like records: its mark is told
 * by the records that hold, and where they disagree nothing is cut.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeHeader, NO_TABLE, RECORD_HEADER_BYTES } from "#actors/storage/record.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { MiB } from "#runtime/units.ts";
import { firstPack, type LeftBehind, leaveBehind } from "#test/actors/storage/left-behind.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { life, mustHold, sizes } from "#test/actors/storage/refused-reads.ts";
import { randomBytes } from "#test/kit/objects.ts";

const cpu = inlineCpu({ disk: new MemoryDisk() });
const others = Array.from({ length: 5 }, (_, seed) => randomBytes(3000, 40 + seed));

/** Looks like a record of a pack with another mark. */
function imageOf(sequence: number, claimedBytes: number, digest: Uint8Array, payload: Uint8Array): Uint8Array {
  const header = encodeHeader({
    mark: Buffer.alloc(8, 7),
    kind: sequence > 0 ? "manifest" : "chunk",
    sequence,
    epoch: 0,
    payloadOffset: RECORD_HEADER_BYTES,
    payloadBytes: claimedBytes,
    digest,
    tableDigest: NO_TABLE,
  });
  return Buffer.concat([header, payload]);
}

/** The image lies where a record may begin. The front of the pack and the header of the first record are damaged. */
async function leftWith(image: Uint8Array): Promise<LeftBehind> {
  const hostile = Buffer.concat([randomBytes(800, 6), image, randomBytes(2000, 8)]);
  const left = await leaveBehind(hostile, ...others);
  left.disk.flipByte(firstPack, 10);
  left.disk.flipByte(firstPack, 64 + 20);
  return left;
}

describe("storage: a pack whose front is lost with the catalog", () => {
  const payload = randomBytes(304, 5);
  const nothing = new Uint8Array(32);
  for (const [what, image] of [
    ["a record that does not hold", imageOf(0, 304, nothing, payload)],
    ["a record that would cover all others", imageOf(0, 14_000, nothing, payload)],
    ["a commit with the highest sequence", imageOf(Number.MAX_SAFE_INTEGER, 304, nothing, payload)],
  ] as const) {
    it(`is found whole beside ${what}`, async () => {
      const left = await leftWith(image);
      const before = (await sizes(left.disk)).get("00000001.pack");

      await life(left, async (kit) => {
        await mustHold(kit, left.stored.slice(1), others);
        const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, { timeoutMs: 1000 });
        assert(page.ok && page.value.entries.length >= others.length);
        assert.equal(kit.metric("storage_packs_set_aside"), 0);
      });
      assert.equal((await sizes(left.disk)).get("00000001.pack"), before);
    });
  }

  it("is left as it is where what a client has stored would take for ever to read", async () => {
    // Each looks like a record to the end of what was stored, and none of them holds.
    const images = Array.from({ length: 500 }, (_, at) =>
      imageOf(0, (500 - at) * 128 - 128, nothing, new Uint8Array(0)),
    );
    const left = await leftWith(Buffer.concat(images));
    let readBytes = 0;
    const { read } = left.disk;
    left.disk.read = async (...asked) => {
      readBytes += asked[1].length;
      return await read.apply(left.disk, asked);
    };

    await life(left, async (kit) => {
      assert.equal(kit.metric("storage_packs_set_aside"), 1);
    });
    assert(readBytes < 4 * MiB, `${readBytes} bytes read of 80 KiB`);
  });

  it("is left as it is beside a record that holds", async () => {
    const left = await leftWith(imageOf(0, payload.length, cpu.digest(payload), payload));
    const before = (await sizes(left.disk)).get("00000001.pack");

    await life(left, async (kit) => {
      await mustHold(kit, left.stored.slice(1), others);
      assert.equal(kit.metric("storage_packs_set_aside"), 1);
      const [first] = left.stored;
      assert(first !== undefined && !((await readObject(kit.ref, first.manifest)) instanceof Uint8Array));
    });
    assert.equal((await sizes(left.disk)).get("00000001.pack"), before);
  });
});
