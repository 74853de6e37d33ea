/** Writes that the disk in memory spoils: cut short, and torn by the loss of power (SIM-4). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { sectorBytes } from "#runtime/simulated/memory-file.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { codeOf } from "#test/runtime/seams/disk-suite.ts";

const ones = new Uint8Array(10).fill(1);
const seeds = Array.from({ length: 60 }, (_, seed) => seed);

async function opened(disk: MemoryDisk, contents: Uint8Array): Promise<number> {
  const descriptor = must(await disk.open("/file", "create-new"), "opening");
  must(await disk.write(descriptor, [contents], 0), "writing");
  must(await disk.sync(descriptor), "syncing");
  must(await disk.syncDirectory("/"), "syncing the name");
  return descriptor;
}

async function contentsOf(disk: MemoryDisk): Promise<Uint8Array> {
  return must(await disk.readFile("/file"), "reading");
}

describe("disk (memory): a write that is cut short", () => {
  it("takes a part, over the parts it was given in, fails, and says so; the next one is whole", async () => {
    const disk = new MemoryDisk();
    const descriptor = await opened(disk, new Uint8Array(20));
    let met = 0;
    disk.cutNext(
      "EIO",
      (sizeBytes) => sizeBytes - 3,
      () => {
        met += 1;
      },
    );

    const cut = await disk.write(descriptor, [ones.subarray(0, 4), ones.subarray(0, 6)], 5);
    const afterCut = await contentsOf(disk);
    const whole = await disk.write(descriptor, [ones], 5);

    assert.deepEqual([codeOf(cut), codeOf(whole), met], ["disk.broken", "ok", 1]);
    assert.deepEqual([...afterCut], [...new Uint8Array(5), ...ones.subarray(0, 7), ...new Uint8Array(8)]);
    assert.deepEqual((await contentsOf(disk)).subarray(5, 15), ones);
  });

  it("passes over a byte alone, which there is no part of, and can be forgotten", async () => {
    const disk = new MemoryDisk();
    const descriptor = await opened(disk, new Uint8Array(2));
    const cut = (): void => disk.cutNext("ENOSPC", () => 1, assert.fail);

    cut();
    const one = await disk.write(descriptor, [ones.subarray(0, 1)], 0);
    disk.forgetCuts();
    const forgotten = await disk.write(descriptor, [ones], 0);
    cut();
    disk.crash(seededRandom(1), { keepUnsynced: true });
    const again = must(await disk.open("/file", "write"), "opening");
    const afterCrash = await disk.write(again, [ones], 0);

    assert.deepEqual([one, forgotten, afterCrash].map(codeOf), ["ok", "ok", "ok"]);
  });
});

describe("disk (memory): a write that is torn", () => {
  const before = new Uint8Array(4 * sectorBytes).fill(7);
  const written = new Uint8Array(4 * sectorBytes).fill(9);

  /** What is there of a write at `position` after the power went in the middle of it. */
  async function tornAt(position: number, seed: number): Promise<Uint8Array> {
    const disk = new MemoryDisk();
    const descriptor = await opened(disk, before);
    let isTorn = false;
    disk.tearNext(() => {
      isTorn = true;
    });
    must(await disk.write(descriptor, [ones], 0), "a write within a sector");
    assert.equal(isTorn, false, "what a disk writes whole is not torn");
    must(await disk.write(descriptor, [written.subarray(0, 700), written.subarray(700)], position), "writing");
    assert.equal(isTorn, true);
    disk.crash(seededRandom(seed));
    return await contentsOf(disk);
  }

  it("is there from its beginning to one of its sectors, and not from there on", async () => {
    const lengths = new Set<number>();
    for (const seed of seeds) {
      const contents = await tornAt(sectorBytes, seed);

      const rest = contents.subarray(sectorBytes);
      const kept = rest.findIndex((byte) => byte !== 9);
      lengths.add((kept < 0 ? rest.length : kept) / sectorBytes);
      assert.notDeepEqual(rest, written);
    }
    assert.deepEqual([...lengths].sort(), [1, 2, 3]);
  });

  it("is there in part behind the end of the file, which grew by that or by all of it", async () => {
    const sizes = new Set<number>();
    for (const seed of seeds) {
      const contents = await tornAt(before.length, seed);

      sizes.add(contents.length / sectorBytes);
      assert(contents.subarray(before.length, before.length + sectorBytes).every((byte) => byte === 9));
      assert.equal(
        contents.subarray(7 * sectorBytes).every((byte) => byte === 0),
        true,
      );
    }
    assert.deepEqual([...sizes].sort(), [5, 6, 7, 8]);
  });

  it("is whole where it was synced before", async () => {
    const disk = new MemoryDisk();
    const descriptor = await opened(disk, before);
    disk.tearNext(() => undefined);
    must(await disk.write(descriptor, [written], 0), "writing");
    must(await disk.sync(descriptor), "syncing");

    disk.crash(seededRandom(1));

    assert.deepEqual(await contentsOf(disk), written);
  });
});

describe("disk (memory): seen from outside", () => {
  it("shows the files of a directory as they are now", async () => {
    const disk = new MemoryDisk();
    await opened(disk, ones);
    must(await disk.makeDirectory("/folder"), "a directory");
    const inside = must(await disk.open("/folder/inside", "create"), "opening");
    must(await disk.write(inside, [ones.subarray(0, 3)], 0), "writing");

    assert.deepEqual([...disk.filesIn("/")], [["/file", ones]]);
    assert.deepEqual([...disk.filesIn("/folder")], [["/folder/inside", ones.subarray(0, 3)]]);
    assert.deepEqual([...disk.filesIn("/nowhere")], []);
  });
});
