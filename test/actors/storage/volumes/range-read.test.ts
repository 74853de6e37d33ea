/** What a read of a range costs over six volumes: how many of them are asked. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeManifest } from "#actors/domain/manifest.ts";
import type { ChunkSlice } from "#actors/storage/protocol.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { put, randomBytes, readAll, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;

async function readSlice({ ref }: StorageKit, slice: ChunkSlice): Promise<Uint8Array | undefined> {
  const read = await ref.call("readChunks", { slices: [slice] }, within);
  return read.ok ? await readAll(read.value.source) : undefined;
}

describe("storage: a range read over six volumes, 4+2 (STO-80)", () => {
  it("asks one volume, or two where the range begins in one shard and ends in the next", async () => {
    const asked = new Set<string>();
    const disk = watchedDisk(new MemoryDisk(), ({ name, path }, begin) => {
      if ((name === "open" || name === "read") && path.endsWith(".pack")) asked.add(path.slice(0, 3));
      return begin();
    });
    const kit = await startStorage({ disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
    const bytes = randomBytes(1 * MiB, 1);
    const stored = await put(kit, bytes);
    assert(stored.ok);
    const root = await kit.ref.call("getManifest", { root: stored.value.manifest }, within);
    const manifest = root.ok ? decodeManifest(root.value) : root;
    assert(manifest.ok);
    const [chunk] = manifest.value.links;
    assert(chunk?.length === bytes.length, "one chunk, of which a shard has 256 KiB");

    for (const [offset, volumeCount] of [
      [500 * KiB, 1],
      [510 * KiB, 2],
    ] as const) {
      asked.clear();
      const got = await readSlice(kit, { chunk: chunk.digest, offset, lengthBytes: 5 * KiB });

      assert(got !== undefined && Buffer.compare(got, bytes.subarray(offset, offset + 5 * KiB)) === 0);
      assert.equal(asked.size, volumeCount, `of the range from ${offset}: ${[...asked].join(", ")}`);
      assert(SIX.filter((directory) => asked.has(directory)).length === asked.size, "packs are on volumes");
    }
    await kit.actor.stop();
  });
});
