/** The front of a pack says twice whose records are in it. What lies there may be lost with the catalog. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { CHUNKER_DEFAULT } from "#actors/domain/chunk-profiles.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { HEADER_POSITIONS, PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { readFront } from "#actors/storage/packs/pack-scan.ts";
import { encodeHeader, NO_TABLE, RECORD_HEADER_BYTES } from "#actors/storage/packs/record.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { firstPack, leaveBehind } from "#test/actors/storage/left-behind.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";
import { life, mustHold, sizes, stored } from "#test/actors/storage/refused-reads.ts";
import { within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const [firstHeader, secondHeader] = HEADER_POSITIONS;
const cpu = inlineCpu({ disk: new MemoryDisk() });
const objects = [1, 2, 3].map((seed) => randomBytes(3000, seed));

describe("storage: the front of a pack", () => {
  for (const [what, position] of [
    ["first", firstHeader],
    ["second", secondHeader],
  ] as const) {
    it(`is enough with its ${what} header damaged and the catalog lost, and the pack is written on (STO-9)`, async () => {
      const left = await leaveBehind(...objects);
      left.disk.flipByte(firstPack, position + 20);

      const more = await life(left, async (kit) => {
        assert.equal(kit.metric("storage_packs_set_aside"), 0);
        await mustHold(kit, left.stored, objects);
        return await stored(kit, randomBytes(3000, 4));
      });
      left.kv.remove("/data/catalog");
      await life(left, (kit) => mustHold(kit, [...left.stored, more], [...objects, randomBytes(3000, 4)]));
      assert.equal((await sizes(left.disk)).size, 1);
    });
  }

  it("is written again from the catalog where both headers are damaged", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
    const first = await life(world, async (kit) => {
      const done = await stored(kit, randomBytes(3000, 1));
      await kit.actor.stop();
      return done;
    });
    for (const position of HEADER_POSITIONS) world.disk.flipByte(firstPack, position + 20);

    await life(world, (kit) => mustHold(kit, [first], [randomBytes(3000, 1)]));

    const files = new PackFiles(world.disk, "/data/packs", 1);
    const front = await readFront(files, 1, mustBeReadable);
    assert(front.mark !== undefined && !front.isDamaged);
    await files.close();
  });

  it("tells nothing where both are lost with the catalog: the pack stays as it is, and nothing a client has stored counts", async () => {
    // What a client has stored looks like a chunk and a commit of a pack with another mark.
    const evil = Buffer.from("not what the address says");
    const digest = (bytes: Uint8Array): Digest => digestFromBytes(cpu.digest(bytes));
    const facts = { size: evil.length, chunker: CHUNKER_DEFAULT, object: digest(Buffer.from("something else")) };
    const { root } = buildManifestTree(facts, [{ length: evil.length, digest: digest(evil) }], digest);
    const image = Buffer.concat([
      randomBytes(800, 9),
      imageOf(0, evil),
      imageOf(2 ** 52, root.bytes),
      randomBytes(800, 8),
    ]);
    const left = await leaveBehind(image, ...objects);
    for (const position of HEADER_POSITIONS) left.disk.flipByte(firstPack, position + 20);
    left.disk.flipByte(firstPack, PACK_FRONT_BYTES + 20);
    const before = await left.disk.readFile(firstPack);

    for (let start = 0; start < 2; start += 1) {
      await life(left, async (kit) => {
        assert.equal(kit.metric("storage_packs_set_aside"), 1);
        const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
        assert(page.ok && page.value.entries.length === start);
        await stored(kit, randomBytes(100, 20 + start));
      });
    }

    assert.deepEqual(await left.disk.readFile(firstPack), before);
  });

  it("is not taken away with a small file that is no pack of ours", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
    await world.disk.makeDirectory("/data/packs");
    await world.disk.replaceFile(firstPack, randomBytes(5000, 1));

    await life(world, async (kit) => assert.equal(kit.metric("storage_packs_set_aside"), 1));

    assert.equal((await sizes(world.disk)).get("00000001.pack"), 5000);
  });

  it("is all there is of a pack that was made just before a crash, which goes", async () => {
    for (const sizeBytes of [0, 63, PACK_FRONT_BYTES]) {
      const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
      await world.disk.makeDirectory("/data/packs");
      const opened = await world.disk.open(firstPack, "create-new");
      assert(opened.ok && (await world.disk.write(opened.value, [new Uint8Array(sizeBytes)], 0)).ok);
      await world.disk.close(opened.value);

      await life(world, async (kit) => assert.equal(kit.metric("storage_packs_set_aside"), 0));

      assert.equal((await sizes(world.disk)).size, 0, `${sizeBytes} bytes`);
    }
  });
});

function imageOf(sequence: number, payload: Uint8Array): Uint8Array {
  const header = encodeHeader({
    mark: Buffer.alloc(8, 7),
    kind: sequence > 0 ? "manifest" : "chunk",
    sequence,
    isTransient: false,
    epoch: 0,
    payloadOffset: RECORD_HEADER_BYTES,
    payloadBytes: payload.length,
    digest: cpu.digest(payload),
    tableDigest: NO_TABLE,
  });
  return Buffer.concat([header, payload, Buffer.alloc((8 - (payload.length % 8)) % 8)]);
}
