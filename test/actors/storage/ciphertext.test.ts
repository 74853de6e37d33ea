/**
 * Ciphertext in storage: a commit without an object. It is kept, listed, recovered and rebuilt as any other, and found by
 * its manifest alone.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { decodeManifest } from "#actors/domain/manifest.ts";
import type { PutObject, StoredObject } from "#actors/storage/protocol.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { life, turns, type World } from "#test/actors/storage/refused-reads.ts";
import {
  packBytes,
  put,
  randomBytes,
  type StorageKit,
  startStorage,
  within,
} from "#test/actors/storage/storage-kit.ts";

const enc = { format: "test/1" };
const encrypted: Partial<PutObject> = { enc, chunker: "fixed/1" };
const sizes = [0, 1, 1 * MiB, 1 * MiB + 1, 3 * MiB];

async function stored(kit: StorageKit, bytes: Uint8Array, how: Partial<PutObject> = encrypted): Promise<StoredObject> {
  const done = await put(kit, bytes, how);
  assert(done.ok, JSON.stringify(done));
  return done.value;
}

async function listed(kit: StorageKit) {
  const page = await kit.ref.call("listManifests", { after: undefined, limit: 4096 }, within);
  assert(page.ok && page.value.done);
  return page.value.entries;
}

describe("storage: putObject of ciphertext", () => {
  for (const sizeBytes of sizes) {
    it(`keeps ${sizeBytes} bytes under a manifest with \`enc\`, fixed chunks and no object (STO-40)`, async () => {
      const kit = await startStorage();
      const bytes = randomBytes(sizeBytes, 1);

      const { address, manifest, chunkCount } = await stored(kit, bytes);

      assert.deepEqual([address, chunkCount], [undefined, Math.ceil(sizeBytes / MiB)]);
      const node = await kit.ref.call("getManifest", { root: manifest }, within);
      assert(node.ok);
      const decoded = decodeManifest(node.value);
      assert(decoded.ok);
      const { links, ...facts } = decoded.value;
      const linkKind = "chunk" as const;
      assert.deepEqual(facts, { size: sizeBytes, chunker: "fixed/1", object: undefined, enc, linkKind });
      assert.deepEqual(
        links.map(({ length }) => length),
        Array.from({ length: chunkCount }, (_, at) => Math.min(MiB, sizeBytes - at * MiB)),
      );
      assert.deepEqual(await mustRead(kit.ref, manifest, "ciphertext"), bytes);
      assert.deepEqual(await listed(kit), [{ address: undefined, manifest, sizeBytes, isTransient: false }]);
    });
  }

  for (const sizeBytes of [100 * KiB, 3 * MiB]) {
    it(`stores the same ${sizeBytes} bytes once (STO-2, STO-40)`, async () => {
      const kit = await startStorage();
      const bytes = randomBytes(sizeBytes, 1);
      const first = await stored(kit, bytes);
      const before = await packBytes(kit.disk);

      const again = await stored(kit, bytes);

      assert.deepEqual([first.known, again.known, again.manifest], [false, true, first.manifest]);
      assert.equal(await packBytes(kit.disk), before);
    });

    it(`shares the chunks of ${sizeBytes} bytes with the object of the same bytes, and is another commit`, async () => {
      const kit = await startStorage();
      const bytes = randomBytes(sizeBytes, 1);
      const plain = await stored(kit, bytes, { chunker: "fixed/1" });
      const before = await packBytes(kit.disk);

      const ciphertext = await stored(kit, bytes);

      assert.equal(plain.address, `b3:${digestFromBytes(digestOf(bytes))}`);
      assert.notEqual(ciphertext.manifest, plain.manifest);
      assert.equal(ciphertext.known, false);
      assert((await packBytes(kit.disk)) - before < 1 * KiB, "no chunk is written again");
      assert.deepEqual(
        (await listed(kit)).map(({ address }) => address),
        [plain.address, undefined],
      );
    });
  }
});

describe("storage: ciphertext after the end of a process", () => {
  const objects = [...sizes, 200 * KiB].map((sizeBytes, seed) => randomBytes(sizeBytes, seed + 10));

  /** Every second one is ciphertext; packs are sealed on the way. */
  async function fill(kit: StorageKit): Promise<readonly StoredObject[]> {
    const done: StoredObject[] = [];
    for (const [at, bytes] of objects.entries()) done.push(await stored(kit, bytes, at % 2 === 0 ? encrypted : {}));
    await turns();
    return done;
  }

  async function check(kit: StorageKit, done: readonly StoredObject[]): Promise<void> {
    const entries = done.map(({ address, manifest, sizeBytes }) => ({
      address,
      manifest,
      sizeBytes,
      isTransient: false,
    }));
    assert.deepEqual(await listed(kit), entries);
    for (const [at, { manifest }] of done.entries()) {
      assert.deepEqual(await mustRead(kit.ref, manifest, `object ${at}`), objects[at]);
      const again = await stored(kit, objects[at] ?? new Uint8Array(), at % 2 === 0 ? encrypted : {});
      assert.equal(again.known, true);
    }
  }

  for (const packSealBytes of [1 * MiB, 64 * MiB]) {
    const how = packSealBytes === 1 * MiB ? "from seals" : "from records alone";
    const world = (): World => ({ disk: new MemoryDisk(), kv: memoryKvStores(), config: { packSealBytes } });

    it(`is recovered behind a catalog that did not hear of it (${how}) (STO-1, STO-40)`, async () => {
      const one = world();
      const done = await life(one, fill);

      await life(one, (kit) => check(kit, done));
      await life(one, (kit) => check(kit, done));
    });

    it(`is found again where the catalog is lost, twice (${how}) (STO-9, STO-40)`, async () => {
      const one = world();
      const done = await life(one, fill);

      for (const _ of [1, 2]) {
        one.kv.remove("/data/catalog");
        await life(one, (kit) => check(kit, done));
      }
    });
  }
});
