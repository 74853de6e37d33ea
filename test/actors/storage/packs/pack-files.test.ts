/** Pack files that are read by more readers than there are descriptors. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { fail } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";

const packCount = 4;

async function packs(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/packs");
  const files = new PackFiles(disk, "/packs", 1);
  for (let pack = 1; pack <= packCount; pack += 1) {
    const opened = await disk.open(files.pathOf(pack), "create-new");
    assert(opened.ok && (await disk.write(opened.value, [Uint8Array.of(pack)], 0)).ok);
    await disk.close(opened.value);
  }
  return disk;
}

/** Each reader waits for so many turns, then reads the one byte of a pack. */
const readers = fc.array(fc.record({ pack: fc.integer({ min: 1, max: packCount }), turns: fc.nat(12) }), {
  maxLength: 40,
});

describe("pack files: read", () => {
  it("finds every byte, whoever else reads what, and keeps no more descriptors than it may", async () => {
    await fc.assert(
      fc.asyncProperty(readers, fc.integer({ min: 1, max: 3 }), async (script, descriptorsMax) => {
        const disk = await packs();
        const files = new PackFiles(disk, "/packs", descriptorsMax);
        const read = async (pack: number): Promise<unknown> => {
          const into = new Uint8Array(1);
          return [await files.read(pack, into, 0), into];
        };

        const found = await Promise.all(
          script.map(async ({ pack, turns }) => {
            for (let turn = 0; turn < turns; turn += 1) await undefined;
            return await read(pack);
          }),
        );

        const expected = script.map(({ pack }) => [{ ok: true, value: 1 }, Uint8Array.of(pack)]);
        assert.deepEqual(found, expected);
        // A descriptor that makes room for another is closed on the way.
        for (let turn = 0; turn < 10; turn += 1) await undefined;
        assert(disk.openCount <= descriptorsMax);
        await files.close();
        assert.equal(disk.openCount, 0);
      }),
    );
  });

  for (const [errno, readCount] of [
    ["EMFILE", 2],
    ["ETIMEDOUT", 1],
  ] as const) {
    it(`asks a disk that fails with ${errno} ${readCount === 1 ? "once: that was waited for" : "once more"}`, async () => {
      const disk = await packs();
      const files = new PackFiles(disk, "/packs", 1);
      let count = 0;
      disk.read = async () => {
        count += 1;
        return fail({ code: "disk.broken", path: files.pathOf(1), errno });
      };

      const read = await files.read(1, new Uint8Array(1), 0);

      assert(!read.ok);
      assert.equal(count, readCount);
      await files.close();
    });
  }
});

describe("pack files: forget", () => {
  for (const how of ["forget", "forgetVolume"] as const) {
    it(`keeps no descriptor that is being opened meanwhile: of a file that is removed then the room would not come free (${how})`, async () => {
      const disk = await packs();
      const files = new PackFiles(disk, "/packs", 4);
      const opening = Promise.withResolvers<void>();
      const { open } = disk;
      disk.open = async (path, mode) => {
        await opening.promise;
        return await open.call(disk, path, mode);
      };
      const reads = [1, 2].map(() => files.read(1, new Uint8Array(1), 0));

      await (how === "forget" ? files.forget(1) : files.forgetVolume(0));
      opening.resolve();

      for (const read of await Promise.all(reads)) assert.deepEqual(read, { ok: true, value: 1 });
      assert.equal(disk.openCount, 0);
    });
  }
});

describe("pack files: close", () => {
  it("leaves no descriptor open: one that gave way to another, and is being closed, is waited for", async () => {
    const disk = await packs();
    const files = new PackFiles(disk, "/packs", 1);
    const { close } = disk;
    let count = 0;
    disk.close = async (descriptor) => {
      count += 1;
      // The first one takes longer than all others.
      const turns = count === 1 ? 200 : 0;
      for (let turn = 0; turn < turns; turn += 1) await undefined;
      return await close.call(disk, descriptor);
    };
    for (const pack of [1, 2]) await files.read(pack, new Uint8Array(1), 0);

    await files.close();

    assert.deepEqual([count, disk.openCount], [2, 0]);
  });
});
