/** Storage, driven through its protocol: what a read answers, and what it does when the disk lies. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { decodeManifest, type ManifestLink } from "#actors/domain/manifest.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, readAll, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";

const unknown = digestFromBytes(digestOf(Uint8Array.of(1, 2, 3)));

async function linksOf({ ref }: StorageKit, root: Digest): Promise<readonly ManifestLink[]> {
  const bytes = await ref.call("getManifest", { root }, within);
  assert(bytes.ok);
  const decoded = decodeManifest(bytes.value);
  assert(decoded.ok);
  return decoded.value.links;
}

describe("storage: readChunks", () => {
  it("answers with any slice of any chunk, in any read size", async () => {
    const kit = await startStorage();
    const sizes = [1, 64 * KiB, 64 * KiB + 1, 1 * MiB - 3];
    const chunks = sizes.map((sizeBytes, seed) => randomBytes(sizeBytes, seed));
    for (const bytes of chunks) assert((await put(kit, bytes)).ok);
    const slice = fc.record({ index: fc.nat(sizes.length - 1), from: fc.nat(10_000), to: fc.nat(10_000) });
    const reads = fc.constantFrom(1000, 64 * KiB - 1, 64 * KiB, 100_000, 128 * KiB, 256 * KiB, 1 * MiB);

    await fc.assert(
      fc.asyncProperty(fc.array(slice, { maxLength: 5 }), reads, async (picks, pieceBytes) => {
        const slices = picks.map(({ index, from, to }) => {
          const bytes = chunks[index] ?? new Uint8Array();
          // In ten-thousandths of the chunk, so that every chunk is cut everywhere.
          const offset = Math.floor((Math.min(from, to) / 10_000) * bytes.length);
          const end = Math.ceil((Math.max(from, to) / 10_000) * bytes.length);
          return { bytes: bytes.subarray(offset, end), chunk: digestFromBytes(digestOf(bytes)), offset };
        });

        const answer = await kit.ref.call(
          "readChunks",
          { slices: slices.map(({ chunk, offset, bytes }) => ({ chunk, offset, lengthBytes: bytes.length })) },
          within,
        );

        assert(answer.ok);
        const got = await readAll(answer.value.source, pieceBytes);
        assert(got !== undefined);
        assert.equal(Buffer.compare(got, Buffer.concat(slices.map(({ bytes }) => bytes))), 0);
      }),
      { numRuns: 60 },
    );
  });

  it("asks the disk for the next piece before the reader comes for it, and for nothing twice", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(600 * KiB, 3);
    assert((await put(kit, bytes)).ok);
    const chunk = digestFromBytes(digestOf(bytes));
    const slices = [{ chunk, offset: 0, lengthBytes: bytes.length }];
    const answer = await kit.ref.call("readChunks", { slices }, within);
    assert(answer.ok);
    const positions: number[] = [];
    const read = kit.disk.read.bind(kit.disk);
    kit.disk.read = (descriptor, into, position) => {
      positions.push(position);
      return read(descriptor, into, position);
    };

    const first = await answer.value.source.read(new Uint8Array(128 * KiB));
    const readsAfterFirst = positions.length;
    const rest = await readAll(answer.value.source, 128 * KiB);

    assert.deepEqual([first, rest?.length], [128 * KiB, bytes.length - 128 * KiB]);
    // The segment table, the first piece, and the one after it; then the three that are left.
    assert.deepEqual([readsAfterFirst, positions.length, new Set(positions).size], [3, 6, 6]);
  });

  it("counts what was handed out of it, not what was asked for", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(600 * KiB, 3);
    assert((await put(kit, bytes)).ok);
    const slices = [{ chunk: digestFromBytes(digestOf(bytes)), offset: 0, lengthBytes: bytes.length }];
    const left = await kit.ref.call("readChunks", { slices }, within);
    const whole = await kit.ref.call("readChunks", { slices }, within);
    assert(left.ok && whole.ok);

    await left.value.source.read(new Uint8Array(64 * KiB));
    left.value.source.cancel({ code: "runtime.cancelled" });
    // Since it was last asked for.
    const afterLeft = kit.metric("storage_bytes_out_total");
    assert(await readAll(whole.value.source, 128 * KiB));
    const afterWhole = kit.metric("storage_bytes_out_total");

    assert.deepEqual([afterLeft, afterWhole], [64 * KiB, bytes.length]);
  });

  it("says which chunk is not there, before it answers", async () => {
    const kit = await startStorage();

    const answer = await kit.ref.call(
      "readChunks",
      { slices: [{ chunk: unknown, offset: 0, lengthBytes: 1 }] },
      within,
    );

    assert.deepEqual(answer, { ok: false, failure: { code: "storage.chunk-not-found", chunk: unknown } });
  });

  it("ends every source when the incarnation ends, and not before", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(3 * MiB, 1);
    const stored = await put(kit, bytes);
    assert(stored.ok);
    const links = await linksOf(kit, stored.value.manifest);
    const slices = links.map(({ digest, length }) => ({ chunk: digest, offset: 0, lengthBytes: length }));
    const answer = await kit.ref.call("readChunks", { slices }, within);
    assert(answer.ok);
    const { source } = answer.value;
    assert.equal(await source.read(new Uint8Array(64 * KiB)), 64 * KiB);

    await kit.crash();

    assert.equal(await source.read(new Uint8Array(64 * KiB)), -1);
    assert.equal(source.failure?.code.startsWith("runtime."), true);
    const again = await readObject(kit.ref, stored.value.manifest);
    assert(again instanceof Uint8Array && Buffer.compare(again, bytes) === 0);
  });
});

describe("storage: getManifest", () => {
  it("fails with manifest-not-found for what is no manifest here, chunks included", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(1000, 1);
    assert((await put(kit, bytes)).ok);

    for (const root of [unknown, digestFromBytes(digestOf(bytes))]) {
      const answer = await kit.ref.call("getManifest", { root }, within);
      assert.deepEqual(answer, { ok: false, failure: { code: "storage.manifest-not-found", root } });
    }
  });
});

describe("storage: a disk that lies", () => {
  it("never returns a byte that was not stored, wherever one is flipped; putting again heals it (STO-4)", async () => {
    const random = seededRandom(11);
    for (let round = 0; round < 40; round += 1) {
      const kit = await startStorage({ config: { packSealBytes: 64 * MiB } });
      const bytes = randomBytes([3000, 200 * KiB, 1300 * KiB][round % 3] ?? 0, round);
      const stored = await put(kit, bytes);
      assert(stored.ok);
      const path = "/data/packs/00000001.pack";
      const size = (await kit.disk.list("/data/packs")).ok ? await sizeOf(kit) : 0;
      kit.disk.flipByte(path, PACK_FRONT_BYTES + random.below(size - PACK_FRONT_BYTES), 1 + random.below(255));

      const pieceBytes = [100_000, 128 * KiB, 256 * KiB][Math.floor(round / 3) % 3];
      const got = await readObject(kit.ref, stored.value.manifest, pieceBytes);
      const healed = await put(kit, bytes);
      assert(healed.ok);
      const again = await readObject(kit.ref, healed.value.manifest);

      if (got instanceof Uint8Array) assert.equal(Buffer.compare(got, bytes), 0, "padding or an unread header field");
      else assert.equal(got.code, "storage.corrupt");
      assert(again instanceof Uint8Array && Buffer.compare(again, bytes) === 0, `round ${round}`);
      const events = kit.announced().filter(({ name }) => name === "chunkDamaged");
      assert.equal(events.length, got instanceof Uint8Array ? 0 : 1);
    }
  });

  it("remembers what was damaged over a crash, and counts it until it is healed (STO-4)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(3000, 1);
    const stored = await put(kit, bytes);
    assert(stored.ok);
    kit.disk.flipByte("/data/packs/00000001.pack", PACK_FRONT_BYTES + 128 + 5);
    const slices = [{ chunk: digestFromBytes(digestOf(bytes)), offset: 10, lengthBytes: 20 }];
    const answer = await kit.ref.call("readChunks", { slices }, within);
    assert(answer.ok);
    assert.equal(await answer.value.source.read(new Uint8Array(20)), -1);
    assert.deepEqual(answer.value.source.failure, { code: "storage.corrupt", digest: slices[0]?.chunk });

    await kit.crash();

    const facts = await kit.ref.call("describe", {}, within);
    assert(facts.ok && facts.value.damagedChunkCount === 1);
    const gone = await kit.ref.call("readChunks", { slices }, within);
    assert.deepEqual(gone, { ok: false, failure: { code: "storage.chunk-not-found", chunk: slices[0]?.chunk } });
    const healed = await put(kit, bytes);
    assert(healed.ok && !healed.value.known);
    const after = await kit.ref.call("describe", {}, within);
    assert(after.ok && after.value.damagedChunkCount === 0 && after.value.manifestCount === 1);
  });

  it("takes an unreadable sector for damage of that chunk, not for a crash", async () => {
    const kit = await startStorage();
    const stored = await put(kit, randomBytes(3000, 1));
    assert(stored.ok);
    const other = await put(kit, randomBytes(3000, 2));
    assert(other.ok);
    const [link] = await linksOf(kit, stored.value.manifest);
    assert(link !== undefined);
    const slices = [{ chunk: link.digest, offset: 0, lengthBytes: 10 }];
    const answer = await kit.ref.call("readChunks", { slices }, within);
    assert(answer.ok);
    kit.disk.failNext("read", "EIO");
    kit.disk.failNext("read", "EIO");

    assert.equal(await answer.value.source.read(new Uint8Array(10)), -1);

    assert.equal(answer.value.source.failure?.code, "storage.corrupt");
    assert.equal(kit.announced().filter(({ name }) => name === "chunkDamaged").length, 1);
    assert((await readObject(kit.ref, other.value.manifest)) instanceof Uint8Array);
    assert.equal(kit.exits.length, 0);
  });
});

async function sizeOf({ disk }: StorageKit): Promise<number> {
  const listed = await disk.list("/data/packs");
  assert(listed.ok);
  return listed.value[0]?.sizeBytes ?? 0;
}
