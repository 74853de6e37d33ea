/** Damage that nobody has read yet: one put heals all of the object, as soon as some damage is known. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { scanRecords } from "#actors/storage/packs/pack-scan.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { hour, KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import {
  packBytes,
  put,
  randomBytes,
  type StorageKit,
  startStorage,
  whole,
  within,
} from "#test/actors/storage/storage-kit.ts";

async function stored(kit: StorageKit, bytes: Uint8Array): Promise<StoredObject> {
  const done = await put(kit, bytes);
  assert(done.ok);
  return done.value;
}

/** Flips a byte in the payload of each record that `isMeant`, and answers with how many there were. */
async function damage(
  kit: StorageKit,
  isMeant: (kind: "chunk" | "manifest", index: number, sizeBytes: number) => boolean,
): Promise<number> {
  const files = new PackFiles(kit.disk, "/data/packs", 4);
  const listed = await files.list();
  assert(listed.ok);
  let count = 0;
  for (const { pack, sizeBytes } of listed.value) {
    let index = 0;
    for await (const { position, header, name } of scanRecords(
      files,
      pack,
      undefined,
      PACK_FRONT_BYTES,
      sizeBytes,
      mustBeReadable,
    )) {
      if (isMeant(name.kind, index, header.payloadBytes)) {
        kit.disk.flipByte(files.pathOf(pack), position + header.payloadOffset + header.payloadBytes - 1);
        count += 1;
      }
      index += 1;
    }
  }
  await files.close();
  return count;
}

async function damagedCount(kit: StorageKit): Promise<number> {
  const facts = await kit.ref.call("describe", {}, within);
  assert(facts.ok);
  return facts.value.damagedChunkCount;
}

describe("storage: putting a damaged object again", () => {
  for (const what of ["chunks", "chunks and the manifest"]) {
    it(`heals all ${what} of a large object in one put, when only one was read (STO-4)`, async () => {
      const kit = await startStorage({ config: { packSealBytes: 64 * MiB } });
      const bytes = randomBytes(10 * MiB, 1);
      const { manifest } = await stored(kit, bytes);
      const isMeant = (kind: string, index: number): boolean =>
        kind === "manifest" ? what !== "chunks" : index % 2 === 0;
      assert((await damage(kit, isMeant)) >= 3);
      assert(!((await readObject(kit.ref, manifest)) instanceof Uint8Array));
      assert.equal(await damagedCount(kit), 1);

      const healed = await stored(kit, bytes);

      assert.equal(healed.manifest, manifest);
      assert.deepEqual(await mustRead(kit.ref, manifest, "the object"), bytes);
      assert.equal(await damagedCount(kit), 0);
    });
  }

  it("is asked for of those objects alone of which a record is known to be damaged, until it is healed (STO-4)", async () => {
    const kit = await startStorage({ config: { packSealBytes: 64 * MiB } });
    const bytes = randomBytes(10 * MiB, 1);
    const { manifest } = await stored(kit, bytes);
    const other = await stored(kit, randomBytes(20 * KiB, 2));
    const areDamaged = async (): Promise<readonly unknown[]> => {
      const answers = [manifest, other.manifest].map((root) => kit.ref.call("isDamaged", { root }, within));
      return (await Promise.all(answers)).map((answer) => answer.ok && answer.value);
    };
    await damage(kit, (kind, _index, sizeBytes) => kind === "chunk" && sizeBytes > 20 * KiB);
    const unread = await areDamaged();

    assert(!((await readObject(kit.ref, manifest)) instanceof Uint8Array));
    const read = await areDamaged();
    await stored(kit, bytes);

    assert.deepEqual(
      [unread, read, await areDamaged()],
      [
        [false, false],
        [true, false],
        [false, false],
      ],
    );
  });

  for (const sizeBytes of [40 * KiB, 3 * MiB]) {
    for (const letGo of [false, true]) {
      it(`(${sizeBytes} bytes) for a time ${letGo ? "holds it for that time, where it was let go" : "leaves it held"} (STO-118)`, async () => {
        const kit = await startStorage({ config: { packSealBytes: 64 * MiB } });
        const bytes = randomBytes(sizeBytes, 1);
        const { manifest } = await stored(kit, bytes);
        if (letGo) assert((await kit.ref.call("unpinObject", { manifest }, within)).ok);
        assert((await damage(kit, (kind, index) => kind === "chunk" && index === 0)) === 1);
        assert(!((await readObject(kit.ref, manifest)) instanceof Uint8Array));

        assert(!(await mustPut(kit, bytes, { keepMs: hour })).known);

        kit.actor.kill("test");
        await kit.clock.settle();
        // The packs say the same.
        const next = await startStorage({ disk: kit.disk });
        await whole(next);
        await next.clock.advance(2 * hour);
        assert.equal((await collect(next, false)).removedCount, letGo ? 1 : 0);
        assert.equal((await readObject(next.ref, manifest)) instanceof Uint8Array, !letGo);
      });
    }
  }

  it("heals small objects, their chunks and their manifests, each by one put", async () => {
    const kit = await startStorage();
    const objects = [1, 2, 3].map((seed) => randomBytes(40 * KiB, seed));
    const manifests = [];
    for (const bytes of objects) manifests.push((await stored(kit, bytes)).manifest);
    assert.equal(await damage(kit, () => true), 6);
    const [first] = manifests;
    assert(first !== undefined && !((await readObject(kit.ref, first)) instanceof Uint8Array));

    // The last one first: the damage that is known is that of another object.
    for (const bytes of objects.toReversed()) assert.equal((await stored(kit, bytes)).known, false);

    for (const [index, manifest] of manifests.entries()) {
      assert.deepEqual(await mustRead(kit.ref, manifest, `object ${index}`), objects[index]);
    }
    assert.equal(await damagedCount(kit), 0);
  });

  it("writes nothing of an object that proves to be whole while another is damaged", async () => {
    const kit = await startStorage({ config: { packSealBytes: 64 * MiB } });
    const intact = [randomBytes(3 * MiB, 1), randomBytes(30 * KiB, 2)];
    for (const bytes of intact) await stored(kit, bytes);
    const other = await stored(kit, randomBytes(20 * KiB, 3));
    assert.equal(await damage(kit, (_kind, _index, sizeBytes) => sizeBytes === 20 * KiB), 1);
    assert(!((await readObject(kit.ref, other.manifest)) instanceof Uint8Array));
    const packed = await packBytes(kit.disk);

    for (const bytes of intact) assert.equal((await stored(kit, bytes)).known, true);

    assert((await packBytes(kit.disk)) - packed <= PACK_FRONT_BYTES, "nothing but the header of an empty pack");
  });
});
