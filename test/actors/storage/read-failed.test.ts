/** Reads that the disk refuses: what says something about the record, and what does not (STO-4). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { firstPack, firstPayload } from "#test/actors/storage/left-behind.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { refuseReads, turns } from "#test/actors/storage/refused-reads.ts";
import { put, randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { scrubbed } from "#test/actors/storage/volumes/spread-kit.ts";

async function stored(kit: StorageKit, bytes: Uint8Array): Promise<Digest> {
  const done = await put(kit, bytes);
  assert(done.ok);
  return done.value.manifest;
}

async function damagedCount({ ref }: StorageKit): Promise<number> {
  const facts = await ref.call("describe", {}, within);
  assert(facts.ok);
  return facts.value.damagedChunkCount;
}

/** The read number `number` from now on, and `count - 1` after it, fail with `errno`. Answers with what ends that. */
function failReads({ disk }: StorageKit, number: number, count: number, errno: string): () => void {
  const read = disk.read.bind(disk);
  let seen = 0;
  disk.read = async (descriptor, into, position) => {
    seen += 1;
    if (seen < number || seen >= number + count) return await read(descriptor, into, position);
    return { ok: false, failure: { code: "disk.broken", path: "", errno } };
  };
  return () => {
    disk.read = read;
  };
}

describe("storage: a read that the disk refuses", () => {
  for (const errno of ["EMFILE", "ENFILE", "ENOMEM", "EACCES"]) {
    it(`fails with read-failed and marks nothing, when the pack cannot be opened for ${errno}`, async () => {
      const kit = await startStorage();
      const bytes = randomBytes(500 * KiB, 1);
      const manifest = await stored(kit, bytes);
      for (const _ of ["once", "and once more"]) kit.disk.failNext("open", errno);

      const refused = await readObject(kit.ref, manifest);

      assert(!(refused instanceof Uint8Array));
      assert.deepEqual(refused, { code: "storage.read-failed", errno });
      assert.equal(kit.metric("storage_reads_failed_total"), 1);
      assert.deepEqual(await mustRead(kit.ref, manifest, "the object"), bytes);
      assert.equal(await damagedCount(kit), 0);
      assert.deepEqual(
        kit.announced().filter(({ name }) => name === "chunkDamaged"),
        [],
      );
      await kit.crash();
      assert.deepEqual(await mustRead(kit.ref, manifest, "the object, after a crash"), bytes);
    });
  }

  // Manifest, segment table, then the segments: of a chunk of one segment, and of one of eight.
  for (const [sizeBytes, reads] of [
    [40 * KiB, 2],
    [500 * KiB, 7],
  ] as const) {
    for (let number = 1; number <= reads; number += 1) {
      it(`fails with read-failed and marks nothing, when read ${number} of ${sizeBytes} bytes fails`, async () => {
        const kit = await startStorage();
        const bytes = randomBytes(sizeBytes, 1);
        const manifest = await stored(kit, bytes);
        const heal = failReads(kit, number, 2, "ENOMEM");

        const refused = await readObject(kit.ref, manifest, 64 * KiB);

        heal();
        // A piece that was only read ahead is read again by the reader himself.
        if (!(refused instanceof Uint8Array))
          assert.deepEqual(refused, { code: "storage.read-failed", errno: "ENOMEM" });
        assert.deepEqual(await mustRead(kit.ref, manifest, "the object"), bytes);
        assert.equal(await damagedCount(kit), 0);
      });

      it(`reads again, once, when read ${number} of ${sizeBytes} bytes fails with EIO`, async () => {
        const kit = await startStorage();
        const bytes = randomBytes(sizeBytes, 1);
        const manifest = await stored(kit, bytes);
        failReads(kit, number, 1, "EIO");

        assert.deepEqual(await mustRead(kit.ref, manifest, "the object"), bytes);
        assert.equal(await damagedCount(kit), 0);
      });
    }
  }

  it("takes a manifest for damaged when it cannot be read twice, until it can (STO-4)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(40 * KiB, 1);
    const manifest = await stored(kit, bytes);
    kit.disk.failNext("read", "EIO");
    kit.disk.failNext("read", "EIO");

    const refused = await kit.ref.call("getManifest", { root: manifest }, within);

    assert.deepEqual(refused, { ok: false, failure: { code: "storage.corrupt", digest: manifest, errno: "EIO" } });
    assert.equal(await damagedCount(kit), 1);
    assert.deepEqual(await mustRead(kit.ref, manifest, "the object"), bytes);
    assert.equal(await damagedCount(kit), 0);
  });

  for (const sizeBytes of [40 * KiB, 500 * KiB]) {
    it(`looks again at a chunk that could not be read, ${sizeBytes} bytes, over a restart too (STO-4)`, async () => {
      const kit = await startStorage();
      const bytes = randomBytes(sizeBytes, 1);
      const manifest = await stored(kit, bytes);
      let isAway = false;
      const undo = refuseReads(kit.disk, (_path, _descriptor, into) => isAway && into.length > 16 * KiB);
      isAway = true;
      const first = await readObject(kit.ref, manifest);
      assert(!(first instanceof Uint8Array) && first.code === "storage.corrupt");
      assert.equal(Reflect.get(first, "errno"), "EIO");

      await kit.crash();
      const second = await readObject(kit.ref, manifest);
      assert(!(second instanceof Uint8Array) && second.code === "storage.chunk-not-found");
      await turns();
      assert.equal(await damagedCount(kit), 1, "the disk is still away");
      undo();
      assert(!((await readObject(kit.ref, manifest)) instanceof Uint8Array), "it is refused while it is looked at");
      await turns();

      assert.equal(await damagedCount(kit), 0);
      assert.deepEqual(await mustRead(kit.ref, manifest, "the object"), bytes);
    });
  }

  it("has what could not be read lifted by a scrub that reads it, though nobody has asked for it (STO-31)", async () => {
    const kit = await startStorage();
    await stored(kit, randomBytes(40 * KiB, 1));
    const undo = refuseReads(kit.disk, (_path, _descriptor, into) => into.length > 16 * KiB);
    await scrubbed(kit);
    assert.equal(await damagedCount(kit), 1);
    await scrubbed(kit);
    assert.equal(await damagedCount(kit), 1, "the disk is still away");
    undo();

    await scrubbed(kit);

    assert.equal(await damagedCount(kit), 0);
  });

  it("looks no more at a chunk that differs when it can be read again (STO-4)", async () => {
    const kit = await startStorage();
    const manifest = await stored(kit, randomBytes(40 * KiB, 1));
    const undo = refuseReads(kit.disk, (_path, _descriptor, into) => into.length > 16 * KiB);
    assert(!((await readObject(kit.ref, manifest)) instanceof Uint8Array));
    undo();
    kit.disk.flipByte(firstPack, firstPayload(40 * KiB) + 5);
    assert(!((await readObject(kit.ref, manifest)) instanceof Uint8Array));
    await turns();
    kit.disk.flipByte(firstPack, firstPayload(40 * KiB) + 5);

    for (const _ of ["once", "and once more"]) {
      assert(!((await readObject(kit.ref, manifest)) instanceof Uint8Array));
      await turns();
    }
    assert.equal(await damagedCount(kit), 1);
    assert.equal(await stored(kit, randomBytes(40 * KiB, 1)), manifest);
    assert.equal(await damagedCount(kit), 0);
  });

  it("takes what lies behind the end of its pack for damaged", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(2 * MiB, 1);
    const manifest = await stored(kit, bytes);
    const opened = await kit.disk.open("/data/packs/00000001.pack", "write");
    assert(opened.ok && (await kit.disk.truncate(opened.value, 1 * MiB)).ok);
    await kit.disk.close(opened.value);

    const refused = await readObject(kit.ref, manifest);

    assert.deepEqual(refused, { code: "storage.corrupt", digest: manifest, errno: "ENODATA" });
    assert.equal(await damagedCount(kit), 1);
  });
});

describe("pack files: fill", () => {
  it("tells bytes that are gone from bytes that could not be asked for", async () => {
    const disk = new MemoryDisk();
    await disk.makeDirectory("/packs");
    const files = new PackFiles(disk, "/packs", 1);
    const opened = await disk.open(files.pathOf(1), "create-new");
    assert(opened.ok && (await disk.write(opened.value, [Uint8Array.of(1, 2, 3)], 0)).ok);
    const into = new Uint8Array(3);
    const fill = async (position: number, ...errnos: readonly string[]): Promise<unknown> => {
      for (const errno of errnos) disk.failNext("read", errno);
      return await files.fill(1, into, position);
    };
    const broken = (errno: string) => ({ code: "disk.broken", path: files.pathOf(1), errno });

    assert.deepEqual(
      [await fill(0), await fill(1), await fill(0, "EIO"), await fill(0, "ENOMEM")],
      ["filled", "lost", "filled", "filled"],
    );
    assert.deepEqual(
      [await fill(0, "EIO", "ENOMEM"), await fill(0, "ENOMEM", "EIO")],
      [broken("ENOMEM"), broken("EIO")],
    );
    assert.deepEqual(into, Uint8Array.of(1, 2, 3));
  });
});
