/** Storage, driven through its protocol: what a put keeps, and what it does not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressOf, digestFromBytes } from "#actors/domain/address.ts";
import { CHUNK_PROFILES } from "#actors/domain/chunk-profiles.ts";
import { decodeManifest } from "#actors/domain/manifest.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { naiveEnds } from "#test/actors/storage/chunk-vectors.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { packBytes, put, randomBytes, sourceOf, startStorage, within } from "#test/actors/storage/storage-kit.ts";

const sizes = [0, 1, 64 * KiB - 1, 64 * KiB, 64 * KiB + 1, 1 * MiB - 1, 1 * MiB, 1 * MiB + 1, 9 * MiB + 12_345];

describe("storage: putObject", () => {
  for (const sizeBytes of sizes) {
    for (const announced of [true, false]) {
      it(`keeps an object of ${sizeBytes} bytes (${announced ? "size known" : "size unknown"}) (STO-1)`, async () => {
        const kit = await startStorage();
        const bytes = randomBytes(sizeBytes, 7);

        const stored = await put(kit, bytes, announced ? { sizeBytes } : {});
        assert(stored.ok, JSON.stringify(stored));
        const got = await mustRead(kit.ref, stored.value.manifest, "what was put");

        assert.equal(stored.value.address, addressOf(digestFromBytes(digestOf(bytes))));
        assert.equal(stored.value.sizeBytes, sizeBytes);
        assert.equal(stored.value.known, false);
        assert.equal(Buffer.compare(got, bytes), 0);
      });
    }
  }

  for (const { name } of Object.values(CHUNK_PROFILES)) {
    for (const sizeBytes of [0, 1, 16 * KiB, 16 * KiB + 1, 700 * KiB, 1 * MiB, 1 * MiB + 1, 5 * MiB]) {
      it(`keeps an object of ${sizeBytes} bytes cut by ${name}, one manifest however it came`, async () => {
        const kit = await startStorage();
        const bytes = randomBytes(sizeBytes, 8);

        const streamed = await put(kit, bytes, { chunker: name });
        const announced = await put(kit, bytes, { chunker: name, sizeBytes });

        assert(streamed.ok && announced.ok);
        const { manifest, chunkCount } = streamed.value;
        assert.deepEqual(announced.value, { ...streamed.value, known: true });
        assert.equal(chunkCount, naiveEnds(bytes, CHUNK_PROFILES[name]).length);
        const node = await kit.ref.call("getManifest", { root: manifest }, within);
        const decoded = node.ok ? decodeManifest(node.value) : undefined;
        assert.equal(decoded?.ok && decoded.value.chunker, name);
        assert.equal(Buffer.compare(await mustRead(kit.ref, manifest, "what was put"), bytes), 0);
      });
    }
  }

  it("keeps an object cut in two ways, each of them whole", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(3 * MiB, 9);

    const coarse = await put(kit, bytes);
    const fine = await put(kit, bytes, { chunker: "gear-fine/1" });

    assert(coarse.ok && fine.ok);
    assert.equal(fine.value.address, coarse.value.address);
    assert.equal(fine.value.known, false);
    for (const { manifest } of [coarse.value, fine.value]) {
      const got = await readObject(kit.ref, manifest);
      assert(got instanceof Uint8Array && Buffer.compare(got, bytes) === 0);
    }
  });

  it("refuses an object of one chunk too many, also when the last one makes it so, and keeps nothing of it", async () => {
    const bytes = randomBytes(5 * MiB, 11);
    const chunkCount = naiveEnds(bytes, CHUNK_PROFILES["gear-fine/1"]).length;
    const refusing = await startStorage({ config: { objectChunksMax: chunkCount - 1 } });
    const taking = await startStorage({ config: { objectChunksMax: chunkCount } });

    const refused = await put(refusing, bytes, { chunker: "gear-fine/1" });
    const taken = await put(taking, bytes, { chunker: "gear-fine/1" });

    const failure = { code: "storage.too-many-chunks", chunker: "gear-fine/1", chunksMax: chunkCount - 1 };
    assert.deepEqual(refused, { ok: false, failure });
    // It had come to a second pack.
    assert.equal(await packBytes(refusing.disk), 2 * PACK_FRONT_BYTES);
    assert.equal(taken.ok && taken.value.chunkCount, chunkCount);
  });

  it("shares what small objects have in common, cut finely", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(900 * KiB, 10);
    const changed = Buffer.concat([bytes.subarray(0, 300 * KiB), Buffer.from("new"), bytes.subarray(300 * KiB)]);
    await put(kit, bytes, { chunker: "gear-fine/1" });
    const before = await packBytes(kit.disk);

    await put(kit, changed, { chunker: "gear-fine/1" });

    const added = (await packBytes(kit.disk)) - before;
    assert(added < 300 * KiB, `${added} bytes for three new ones`);
  });

  it("writes nothing the second time (STO-2)", async () => {
    const kit = await startStorage();
    for (const [seed, sizeBytes] of [5 * KiB, 3 * MiB].entries()) {
      const bytes = randomBytes(sizeBytes, seed);
      const first = await put(kit, bytes);
      const before = await packBytes(kit.disk);

      const second = await put(kit, bytes);

      assert(first.ok && second.ok);
      assert.deepEqual(second.value, { ...first.value, known: true });
      assert.equal(await packBytes(kit.disk), before);
    }
  });

  it("writes the same small object once when it is put twice at once", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(3000, 3);

    const both = await Promise.all([put(kit, bytes), put(kit, bytes), put(kit, randomBytes(10, 4))]);
    for (const one of both) assert(one.ok, JSON.stringify(one));

    assert.deepEqual(
      both.map((one) => one.ok && one.value.known),
      [false, true, false],
    );
    const facts = await kit.ref.call("describe", {}, within);
    assert(facts.ok);
    assert.equal(facts.value.chunkCount, 2);
    assert.equal(facts.value.manifestCount, 2);
  });

  it("keeps a repeated chunk once", async () => {
    const kit = await startStorage({ config: { packSealBytes: 64 * MiB } });
    const bytes = new Uint8Array(16 * MiB);

    const stored = await put(kit, bytes);

    assert(stored.ok);
    assert.equal(stored.value.chunkCount, 4);
    assert((await packBytes(kit.disk)) < 5 * MiB, "four chunks of zeroes are one record");
    const got = await readObject(kit.ref, stored.value.manifest);
    assert(got instanceof Uint8Array && Buffer.compare(got, bytes) === 0);
  });

  it("makes one manifest of the same bytes, whether their size was announced or not", async () => {
    const sizes = fc.oneof(
      fc.integer({ min: 1 * MiB - 3, max: 1 * MiB + 3 }),
      fc.integer({ min: 1000 * KiB, max: 1300 * KiB }),
    );
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.nat(1000),
        fc.constantFrom(48 * KiB, 256 * KiB, 2 * MiB),
        async (size, seed, piece) => {
          const bytes = randomBytes(size, seed);
          const [announced, silent] = [await startStorage(), await startStorage()];

          const one = await put(announced, bytes, { source: sourceOf(bytes, piece), sizeBytes: size });
          const other = await put(silent, bytes, { source: sourceOf(bytes, piece) });

          assert(one.ok && other.ok);
          // Each store counts in an era of its own.
          assert.deepEqual({ ...other.value, cursor: "" }, { ...one.value, cursor: "" });
          const again = await put(announced, bytes);
          assert(again.ok && again.value.known && again.value.manifest === one.value.manifest);
        },
      ),
      { numRuns: 60 },
    );
  });

  for (const sizeBytes of [4 * KiB, 3 * MiB]) {
    it(`keeps nothing of ${sizeBytes} bytes that are not the object expected (STO-5)`, async () => {
      const kit = await startStorage();
      const bytes = randomBytes(sizeBytes, 1);
      const expect = addressOf(digestFromBytes(digestOf(randomBytes(8, 2))));

      const refused = await put(kit, bytes, { expect });

      const actual = addressOf(digestFromBytes(digestOf(bytes)));
      assert.deepEqual(refused, {
        ok: false,
        failure: { code: "storage.address-mismatch", expected: expect, actual },
      });
      assert((await packBytes(kit.disk)) <= PACK_FRONT_BYTES, "nothing but the header of an empty pack");
    });
  }

  for (const failAt of [0, 10 * KiB, 1 * MiB + 1, 5 * MiB]) {
    it(`leaves the packs as they were when the source fails after ${failAt} bytes (STO-5)`, async () => {
      const kit = await startStorage({ config: { packSealBytes: 2 * MiB } });
      assert((await put(kit, randomBytes(1500 * KiB, 1))).ok);
      const before = await packBytes(kit.disk);

      const refused = await put(kit, new Uint8Array(), { source: sourceOf(randomBytes(8 * MiB, 2), 64 * KiB, failAt) });

      assert.deepEqual(refused, {
        ok: false,
        failure: { code: "storage.source-failed", cause: { code: "test.broken-off" } },
      });
      const created = ((await kit.disk.list("/data/packs")).ok ? await packCount(kit.disk) : 0) - 1;
      assert((await packBytes(kit.disk)) - before <= created * PACK_FRONT_BYTES, "nothing but headers of empty packs");
    });
  }

  it("refuses one byte past objectSizeBytesMax, not at it, announced or not (STO-6)", async () => {
    for (const sizeBytesMax of [64 * KiB, 3 * MiB]) {
      const kit = await startStorage({ config: { objectSizeBytesMax: sizeBytesMax } });
      const tooLarge = { ok: false, failure: { code: "storage.object-too-large", sizeBytesMax } };

      assert((await put(kit, randomBytes(sizeBytesMax, 1))).ok);
      assert.deepEqual(await put(kit, randomBytes(sizeBytesMax + 1, 2)), tooLarge);
      assert.deepEqual(await put(kit, randomBytes(1, 2), { sizeBytes: sizeBytesMax + 1 }), tooLarge);
    }
  });

  for (const [sizeBytes, actualBytes] of [
    [100, 99],
    [100, 101],
    [0, 1],
    [3 * MiB, 3 * MiB - 1],
    [3 * MiB, 3 * MiB + 1],
  ] as const) {
    it(`keeps nothing when ${sizeBytes} bytes were announced and ${actualBytes} came`, async () => {
      const kit = await startStorage();

      const refused = await put(kit, randomBytes(actualBytes, 1), { sizeBytes });

      assert(!refused.ok);
      assert.equal(refused.failure.code, "storage.source-failed");
      const facts = await kit.ref.call("describe", {}, within);
      assert(facts.ok && facts.value.manifestCount === 0);
    });
  }

  it("lets 64 uploads and 256 slow readers through three open packs and 8 MiB of memory", async () => {
    const kit = await startStorage();
    const stored = await put(kit, randomBytes(2 * MiB, 99));
    assert(stored.ok);
    const manifest = await kit.ref.call("getManifest", { root: stored.value.manifest }, within);
    assert(manifest.ok);
    const { decodeManifest } = await import("#actors/domain/manifest.ts");
    const decoded = decodeManifest(manifest.value);
    assert(decoded.ok);
    const slices = decoded.value.links.map(({ digest, length }) => ({ chunk: digest, offset: 0, lengthBytes: length }));
    const readers = await Promise.all(
      Array.from({ length: 256 }, () => kit.ref.call("readChunks", { slices }, within)),
    );

    const puts = await Promise.all(
      Array.from({ length: 64 }, (_, seed) => put(kit, randomBytes(seed % 2 === 0 ? 1200 * KiB : 20 * KiB, seed))),
    );

    assert(puts.every((one) => one.ok));
    for (const reader of readers) {
      assert(reader.ok);
      assert((await reader.value.source.read(new Uint8Array(1000))) > 0);
      reader.value.source.cancel({ code: "test.enough" });
    }
  });
});

async function packCount(disk: { list(path: string): Promise<unknown> }): Promise<number> {
  const listed = (await disk.list("/data/packs")) as { value: readonly unknown[] };
  return listed.value.length;
}
